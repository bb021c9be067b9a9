"""Position biases in closed form, without torch: what the attention and the inspector of checkpoints share."""
