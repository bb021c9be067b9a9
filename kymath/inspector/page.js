
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const state = { group: 0, chosen: -1, own: false, all: false, layer: -1, kind: -1, sort: "", down: false, page: 0 };
const ROWS = 50, NAMED = 32, CELL = 40, WIDTH = 168, HEIGHT = 92, LEFT = 4, TOP = 10, BOTTOM = 78;
// from alike to different: dark to light, so that it reads in grey too
const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

// -- elements: texts are set as texts, never as markup ---------------------------------------------------------------

function el(tag, attributes, ...children) {
  const svg = ["svg", "path", "line", "text", "title"].includes(tag);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function number(value) {
  if (value === null) return "–";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(3).replace("+", "") : String(value);
  return text.replace("-", "−").replace("e-", "e−");
}

const groupOf = new Array(data.heads.length);
data.groups.forEach((group, k) => group.curves.forEach((i) => { groupOf[i] = k; }));
const several = data.layouts.length > 1;
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function layerName(k) {
  const group = data.groups[k];
  return `layer ${group.layer}` + (several ? `, ${group.layout}` : "");
}

function curveName(i) {
  return `head ${data.heads[i]}` + (data.axes && data.axes[i] ? `, ${data.axes[i]}` : "");
}

// -- curves of one layer ---------------------------------------------------------------------------------------------

function range(curves) {
  let low = Infinity, high = -Infinity;
  for (const i of curves) for (const y of data.bias[i]) {
    if (y !== null) { low = Math.min(low, y); high = Math.max(high, y); }
  }
  if (!(low <= high)) return [-1, 1];
  const pad = high > low ? 0.04 * (high - low) : Math.max(Math.abs(high), 1) / 2;
  return [low - pad, high + pad];
}

function panel(curves, unit, limits) {
  const kinds = [...new Set(curves.map((i) => data.kinds[data.kind[i]].name))].join(" / ");
  const lags = data.lags[data.windows[curves[0]]];
  const first = lags[0], last = lags[lags.length - 1], [low, high] = limits;
  const x = (lag) => LEFT + (WIDTH - 2 * LEFT) * (last > first ? (lag - first) / (last - first) : 0.5);
  const y = (bias) => TOP + (BOTTOM - TOP) * (high - bias) / (high - low);
  const name = `head ${data.heads[curves[0]]}`;
  const svg = el("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name}: ${kinds}` });
  svg.append(el("line", { class: "zero", x1: LEFT, x2: WIDTH - LEFT, y1: y(0).toFixed(1), y2: y(0).toFixed(1) }));
  curves.forEach((i, k) => {
    const look = data.kinds[data.kind[i]];
    let path = "", down = false;
    data.bias[i].forEach((bias, j) => {
      if (bias === null) { down = false; return; }
      path += `${down ? "L" : "M"}${x(lags[j]).toFixed(1)} ${y(bias).toFixed(1)}`;
      if (!down && (j + 1 === lags.length || data.bias[i][j + 1] === null)) path += "h.01";
      down = true;
    });
    const style = (look.name === "other" ? "other-kind" : "") + (k ? " second" : "");
    svg.append(el("path", { d: path, stroke: look.colour, class: style }));
  });
  svg.append(
    el("text", { x: LEFT, y: 8 }, number(Number(high.toPrecision(2)))),
    el("text", { x: LEFT, y: BOTTOM + 1 }, number(Number(low.toPrecision(2)))),
    el("text", { x: LEFT, y: HEIGHT - 2 }, String(first)),
    el("text", { x: WIDTH - LEFT, y: HEIGHT - 2, "text-anchor": "end" }, `${last} ${unit}`),
  );
  const caption = curves.length > 1 ? "" : kinds, said = el("span", {}, caption);
  const made = el("figure", { "data-curve": curves[0], class: curves.includes(state.chosen) ? "chosen" : null,
    onclick: () => choose(curves[0], false) },
  el("figcaption", {}, el("b", {}, name), said), svg);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = first + (last - first) * ((event.clientX - box.left) / box.width * WIDTH - LEFT) / (WIDTH - 2 * LEFT);
    let near = 0;
    lags.forEach((lag, j) => { if (Math.abs(lag - at) < Math.abs(lags[near] - at)) near = j; });
    said.textContent = `${lags[near]}: ${curves.map((i) => number(data.bias[i][near])).join(" and ")}`;
  });
  svg.addEventListener("pointerleave", () => { said.textContent = caption; });
  if (curves.length > 1) made.append(el("div", { class: "legend" }, ...curves.map(legend)));
  const image = data.images && data.images[curves[0]];
  if (image) made.append(tile(image, name));
  return made;
}

// what the line of one of several curves in a panel looks like
function legend(i, k) {
  const look = data.kinds[data.kind[i]], style = (look.name === "other" ? "other-kind" : "") + (k ? " second" : "");
  const svg = el("svg", { viewBox: "0 0 20 6", "aria-hidden": "true" },
    el("line", { x1: 0, x2: 20, y1: 3, y2: 3, stroke: look.colour, class: style }));
  return el("span", {}, svg, `${(data.axes && data.axes[i]) || `curve ${k + 1}`}: ${look.name}`);
}

function tile(image, name) {
  const cells = atob(image.cells), columns = cells.length / image.rows;
  const size = image.range === null ? "" : `, from ${number(-image.range)} to ${number(image.range)} nats`;
  const canvas = el("canvas", { width: columns, height: image.rows, role: "img",
    "aria-label": `table of ${name}`, title: `bias by displacement, the query in the middle${size}` });
  paint(canvas, columns, image.rows, (k) => {
    const part = (cells.charCodeAt(k) - 128) / 127, fade = 1 - Math.min(1, Math.abs(part));
    const end = part < 0 ? [0, 96, 160] : [178, 60, 0];
    return end.map((colour) => colour + (245 - colour) * fade);
  });
  return canvas;
}

function paint(canvas, columns, rows, colour) {
  const context = canvas.getContext("2d"), picture = context.createImageData(columns, rows);
  for (let k = 0; k < columns * rows; k += 1) {
    const found = colour(k);
    if (found) picture.data.set([...found.map(Math.round), 255], 4 * k);
  }
  context.putImageData(picture, 0, 0);
}

function showLayer() {
  const group = data.groups[state.group], heads = new Map();
  for (const i of group.curves) {
    if (!heads.has(data.heads[i])) heads.set(data.heads[i], []);
    heads.get(data.heads[i]).push(i);
  }
  const shared = range(group.curves);
  const figures = [...heads.values()].map((curves) => panel(curves, group.unit, state.own ? range(curves) : shared));
  document.getElementById("panels").replaceChildren(...figures);
  document.getElementById("slider").value = state.group;
  document.getElementById("layer").textContent =
    layerName(state.group) + (data.groups.length > 1 ? ` (${state.group + 1} of ${data.groups.length})` : "");
  document.getElementById("back").disabled = state.group === 0;
  document.getElementById("on").disabled = state.group === data.groups.length - 1;
  showMap();
}

function go(group) {
  state.group = Math.max(0, Math.min(data.groups.length - 1, group));
  showLayer();
}

function choose(curve, look) {
  state.chosen = curve;
  state.group = groupOf[curve];
  showLayer();
  if (look) {
    const found = document.querySelector("figure.chosen");
    if (found) found.scrollIntoView({ block: "center" });
  } else {
    const place = order.indexOf(curve);
    if (place >= 0) state.page = Math.floor(place / ROWS);
  }
  showRows();
}

// -- how alike -------------------------------------------------------------------------------------------------------

function ramp(part) {
  const at = Math.min(part, 0.9999) * (RAMP.length - 1), k = Math.floor(at);
  return RAMP[k].map((colour, j) => colour + (RAMP[k + 1][j] - colour) * (at - k));
}

function mapped() { return state.all ? data.alike.all : data.alike.layers[state.group]; }

function showMap() {
  const map = mapped(), count = map.curves.length, cells = atob(map.cells), canvas = document.getElementById("map");
  canvas.width = canvas.height = count;
  paint(canvas, count, count, (k) => (cells.charCodeAt(k) === 255 ? null : ramp(cells.charCodeAt(k) / 254)));
  document.getElementById("frame").style.setProperty("--cells", count);
  document.getElementById("most").textContent = ` ${number(map.most)}`;
  const names = map.curves.map(shortName), wide = Math.max(...names.map((name) => name.length));
  const fits = count <= NAMED && wide * 6 <= Math.min(CELL, 480 / count);
  document.getElementById("across").className = count > 16 ? "many" : "";
  for (const side of ["across", "down"]) {
    document.getElementById(side).replaceChildren(...(fits ? names : []).map((name) => el("span", {}, name)));
  }
  const whole = state.all ? data.heads.length : data.groups[state.group].curves.length;
  const some = count < whole ? `${count} of ${plural(whole, "curve")}, chosen evenly` : plural(count, "curve");
  document.getElementById("mapped").textContent = `${state.all ? "All layers" : layerName(state.group)}: ${some}.`;
  document.getElementById("pair").textContent = "";
}

// a head on the axes of the map: its number, of all layers with the layer's before it
function shortName(i) {
  const layer = state.all && data.groups.length > 1 ? `${data.groups[groupOf[i]].layer}:` : "";
  return layer + data.heads[i] + (data.axes && data.axes[i] ? data.axes[i][0] : "");
}

function pair(event) {
  const map = mapped(), count = map.curves.length, box = event.target.getBoundingClientRect();
  const at = (part) => Math.max(0, Math.min(count - 1, Math.floor(part * count)));
  const row = at((event.clientY - box.top) / box.height), column = at((event.clientX - box.left) / box.width);
  const one = map.curves[row], two = map.curves[column], cell = atob(map.cells).charCodeAt(row * count + column);
  const said = cell === 255 ? "no distance" : `distance ${number(Number((cell / 254 * map.most).toPrecision(2)))}`;
  document.getElementById("pair").textContent =
    `${layerName(groupOf[one])}, ${curveName(one)} and ${layerName(groupOf[two])}, ${curveName(two)}: ${said}.`;
}

// -- the table -------------------------------------------------------------------------------------------------------

const columns = [
  { name: "layer", label: "layer", unit: "", about: "where the head is", value: (i) => groupOf[i],
    show: (i) => data.groups[groupOf[i]].layer },
  { name: "head", label: "head", unit: "", about: "its number in the layer", value: (i) => data.heads[i],
    show: (i) => String(data.heads[i]) },
];
if (data.axes) columns.push({ name: "axis", label: "axis", unit: "", about: "which line of the table", text: true,
  value: (i) => data.axes[i], show: (i) => data.axes[i] });
if (several) columns.push({ name: "layout", label: "layout", unit: "", about: "what was read", text: true,
  value: (i) => data.groups[groupOf[i]].layout, show: (i) => data.groups[groupOf[i]].layout });
const empty = [];
for (const column of data.columns) {
  const kind = column.name === "kind", values = kind ? data.kind : data.numbers[column.name];
  if (!kind && values.every((value) => value === null)) { // it would only take room
    empty.push(column.label);
    continue;
  }
  columns.push({ ...column, text: kind, value: (i) => values[i],
    show: (i) => (kind ? data.kinds[values[i]].name : number(values[i])) });
}
let order = data.heads.map((_, i) => i);

function sortRows() {
  order = data.heads.map((_, i) => i).filter((i) =>
    (state.layer < 0 || groupOf[i] === state.layer) && (state.kind < 0 || data.kind[i] === state.kind));
  const column = columns.find((one) => one.name === state.sort);
  if (column) {
    const sign = state.down ? -1 : 1;
    order.sort((a, b) => {
      const one = column.value(a), two = column.value(b);
      if (one === null || two === null) return (one === null) - (two === null) || a - b; // what lacks comes last
      return (one < two ? -sign : one > two ? sign : 0) || a - b;
    });
  }
  state.page = 0;
  showRows();
}

function showRows() {
  const pages = Math.max(1, Math.ceil(order.length / ROWS)), begin = ROWS * state.page;
  const rows = order.slice(begin, begin + ROWS).map((i) => el("tr", {
    tabindex: 0, class: i === state.chosen ? "chosen" : null, "data-curve": i, onclick: () => choose(i, true),
    onkeydown: (event) => { if (event.key === "Enter") choose(i, true); } },
  ...columns.map((column) => el("td", { class: column.text ? "text" : null }, column.show(i)))));
  document.getElementById("rows").replaceChildren(...rows);
  sideways();
  document.getElementById("which").textContent = order.length
    ? `rows ${begin + 1}–${begin + rows.length} of ${order.length}` : "no curve is both";
  for (const [name, off] of [["first", state.page === 0], ["previous", state.page === 0],
    ["next", state.page === pages - 1], ["last", state.page === pages - 1]]) {
    document.getElementById(name).disabled = off;
  }
  for (const head of document.querySelectorAll("th")) {
    head.setAttribute("aria-sort", head.id !== `by-${state.sort}` ? "none" : state.down ? "descending" : "ascending");
  }
}

function turn(page) {
  state.page = Math.max(0, Math.min(Math.ceil(order.length / ROWS) - 1, page));
  showRows();
}

function header(column) {
  const sort = () => {
    state.down = state.sort === column.name ? !state.down : false;
    state.sort = column.name;
    sortRows();
  };
  return el("th", { id: `by-${column.name}`, class: column.text ? "text" : null, scope: "col", title: column.about },
    el("button", { type: "button", onclick: sort }, column.label), el("br"), el("small", {}, column.unit || "\u00a0"));
}

// -- the page --------------------------------------------------------------------------------------------------------

function build() {
  const counts = data.kinds.map((_, k) => data.kind.filter((one) => one === k).length);
  const found = data.kinds.map((kind, k) => ({ ...kind, k, count: counts[k] })).filter((kind) => kind.count);
  const patches = data.groups.every((group) => group.unit === "patches");
  const axes = data.axes ? [...new Set(data.axes.filter((axis) => axis))] : [];
  const button = (id, label, act, title) =>
    el("button", { type: "button", id, onclick: act, title: title || null, "aria-label": title || null }, label);
  const summary = `${plural(data.heads.length, "connection curve")} of ${plural(data.groups.length, "layer")} ` +
    `(${data.layouts.join("; ")}).`;
  const main = document.getElementById("report");
  main.replaceChildren(
    el("h1", {}, data.source || "A model"),
    el("p", {}, summary),
    el("div", { class: "key" }, ...found.map((kind) => {
      const mark = el("i");
      mark.style.background = kind.name === "other" ? "var(--ink)" : kind.colour;
      return el("span", { title: "the nearest known kind" }, mark, `${kind.name}: ${kind.count}`);
    })),
    ...(data.broken ? [el("p", {}, `${plural(data.broken, "curve")} without numbers: not a number, or masked.`)] : []),

    el("h2", {}, "Curves, layer by layer"),
    el("p", { class: "quiet" }, "The bias that a head adds to its scores, in nats and less its mean, over how far a " +
      `token lies back (${patches ? "patches, the query at 0" : "lag 0 is the query's own"}).` +
      (data.axes ? ` Lines through the middle of each table: ${axes[0]} solid, ${axes[1]} dashed.` : "")),
    el("div", { class: "bar", hidden: data.groups.length < 2 },
      button("back", "‹", () => go(state.group - 1), "the layer before"),
      el("input", { type: "range", id: "slider", min: 0, max: data.groups.length - 1, value: 0, step: 1,
        "aria-label": "layer", oninput: (event) => go(Number(event.target.value)) }),
      button("on", "›", () => go(state.group + 1), "the next layer")),
    el("div", { class: "bar" }, el("output", { id: "layer", for: "slider" }),
      el("label", {}, el("input", { type: "checkbox", id: "own",
        onchange: (event) => { state.own = event.target.checked; showLayer(); } }), " a scale for every head")),
    el("div", { class: "panels", id: "panels" }),

    el("h2", {}, "How alike heads are"),
    el("p", { class: "quiet" }, "Jensen–Shannon distance of the weights that the curves alone would give: 0 for equal " +
      "ones, 1 for heads that look at different tokens. The colours reach to the largest distance in the map."),
    el("div", { class: "bar", hidden: data.groups.length < 2 }, el("select", { id: "maps", "aria-label": "heads of",
      onchange: (event) => { state.all = event.target.value === "all"; showMap(); } },
    el("option", { value: "layer" }, "the layer above"), el("option", { value: "all" }, "all layers"))),
    el("div", { class: "map" },
      el("div", { id: "frame" }, el("div", { id: "across" }), el("div", { id: "down" }),
        el("canvas", { id: "map", role: "img", "aria-label": "distances of heads", onpointermove: pair })),
      el("div", {}, el("div", {}, "0 ", el("canvas", { id: "scale", width: 100, height: 1 }),
        el("span", { id: "most", title: "the largest distance in the map" })),
        el("p", { id: "mapped" }), el("output", { id: "pair" }))),

    el("h2", {}, "Every curve"),
    el("p", { class: "quiet" }, "Click a header to sort, a row to see its curve. – is a number that a curve does not have." +
      (empty.length ? ` No curve has a number for: ${empty.join(", ")}.` : "")),
    el("div", { class: "bar" },
      el("select", { id: "of-layer", "aria-label": "layer", onchange: (event) => {
        state.layer = Number(event.target.value);
        sortRows();
      } }, el("option", { value: -1 }, "all layers"),
      ...data.groups.map((_, k) => el("option", { value: k }, layerName(k)))),
      el("select", { id: "of-kind", "aria-label": "kind", onchange: (event) => {
        state.kind = Number(event.target.value);
        sortRows();
      } }, el("option", { value: -1 }, "all kinds"),
      ...found.map((kind) => el("option", { value: kind.k }, `${kind.name} (${kind.count})`))),
      button("first", "«", () => turn(0), "first rows"),
      button("previous", "‹", () => turn(state.page - 1), "rows before"),
      button("next", "›", () => turn(state.page + 1), "next rows"),
      button("last", "»", () => turn(Infinity), "last rows"),
      el("span", { id: "which" })),
    el("p", { class: "quiet", id: "sideways", hidden: true }, "The table is wider than the window: it scrolls sideways."),
    el("div", { class: "wide", id: "table" }, el("table", {}, el("thead", {}, el("tr", {}, ...columns.map(header))),
      el("tbody", { id: "rows" }))),
    el("details", {}, el("summary", {}, "What the columns mean"),
      el("ul", {}, ...data.columns.map((column) =>
        el("li", {}, el("b", {}, column.label), column.unit ? ` (${column.unit})` : "", `: ${column.about}`)))),
  );
  paint(document.getElementById("scale"), 100, 1, (k) => ramp(k / 99));
  showLayer();
  showRows();
  window.addEventListener("resize", sideways);
}

function sideways() {
  const table = document.getElementById("table");
  document.getElementById("sideways").hidden = table.scrollWidth <= table.clientWidth;
}

build();
