"""Files that commands write: what is there keeps its permissions, and nothing but a regular file is ever replaced."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from kymath.cli import main
from kymath.cli.files import place, put
from kymath.cli.options import Misuse


def written(path):
    put(place(str(path), "--out"), "--out", lambda file: file.write(b"new"))


def test_new_and_old_files(tmp_path):
    path = tmp_path / "a.html"
    written(path)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    path.write_bytes(b"old")
    path.chmod(0o600)
    written(path)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    assert os.listdir(tmp_path) == ["a.html"]


def _umask():
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def test_read_only_files_are_kept(tmp_path):
    path = tmp_path / "a.html"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(Misuse, match="read-only"):
        written(path)
    assert path.read_bytes() == b"old"


def test_links(tmp_path):
    target, link = tmp_path / "target.html", tmp_path / "link.html"
    target.write_bytes(b"old")
    link.symlink_to("target.html")
    written(link)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    ring = tmp_path / "ring.html"
    ring.symlink_to("ring.html")
    with pytest.raises(Misuse, match="ring"):
        written(ring)
    assert ring.is_symlink()
    ahead = tmp_path / "ahead.html"
    ahead.symlink_to("not-yet.html")
    written(ahead)
    assert (tmp_path / "not-yet.html").read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_special_files_are_not_replaced(tmp_path):
    pipe = tmp_path / "pipe.html"
    os.mkfifo(pipe)
    for path in (pipe, "/dev/null"):
        with pytest.raises(Misuse, match="regular"):
            written(path)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    late = tmp_path / "late.html"  # it comes while the work is done
    ready = place(str(late), "--out")
    os.mkfifo(late)
    with pytest.raises(Misuse, match="regular"):
        put(ready, "--out", lambda file: file.write(b"new"))
    assert sorted(os.listdir(tmp_path)) == ["late.html", "pipe.html"]


@pytest.mark.parametrize("name", ["a" * 300 + ".html", "no/such/a.html", ".", "zero\0.html"])
def test_names_that_are_none(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["verify", "--html", name]) == 2
    err = capsys.readouterr().err
    assert err.startswith("kymath: --html ")
    assert os.listdir(tmp_path) == []


def test_folders_one_may_not_look_into(tmp_path, monkeypatch):
    def refused(name):
        raise PermissionError(13, "Permission denied", name)

    monkeypatch.setattr(os, "stat", refused)
    with pytest.raises(Misuse, match="Permission denied"):
        place(str(tmp_path / "a.html"), "--html")


def test_where_standard_output_goes(tmp_path):
    """What is printed would be lost with the file that is replaced."""
    path = tmp_path / "out.txt"
    code = (
        "from kymath.cli.files import place\nfrom kymath.cli.options import Misuse\nimport sys\n"
        "try:\n    place(sys.argv[1], '--out')\nexcept Misuse as error:\n    print(error)"
    )
    with path.open("w") as out:
        subprocess.run([sys.executable, "-c", code, str(path)], stdout=out, check=True)
    assert "standard output goes to this file" in path.read_text()


def test_an_empty_name():
    with pytest.raises(Misuse, match="--out is empty"):
        place("", "--out")
