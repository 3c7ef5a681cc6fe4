"""Files are written whole or not at all, in the place that their path stands for, and nothing else is left there."""

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from filterscope.saved_page import output_file
from filterscope.saved_page.output_file import OutputFile

TEXT = "é\n" * 100_000  # more than a pipe holds
ROOT = os.geteuid() == 0


def write(path, text=TEXT):
    with OutputFile(path).open() as take:
        for start in range(0, len(text), 70_000):
            take(text[start : start + 70_000])


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture(params=[0o022, 0o077, 0o002])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path, umask):
    write(tmp_path / "ours")
    (tmp_path / "pythons").write_text("")
    assert mode(tmp_path / "ours") == mode(tmp_path / "pythons")
    assert (tmp_path / "ours").read_bytes() == TEXT.encode()


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o644, 0o666, 0o755])
def test_an_older_file_keeps_its_mode(tmp_path, umask, bits):
    path = tmp_path / "p.html"
    path.write_text("before")
    path.chmod(bits)
    write(path)
    assert (mode(path), path.read_text("utf-8")) == (bits, TEXT)
    assert os.listdir(tmp_path) == ["p.html"]


def test_after_an_error_all_is_as_before(tmp_path):
    path = tmp_path / "p.html"
    path.write_text("before")
    path.chmod(0o640)
    before = os.stat(path)

    def failing(path):
        with OutputFile(path).open() as take:
            take(TEXT)
            raise KeyboardInterrupt

    for place in (path, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt):
            failing(place)
    assert os.stat(path) == before and path.read_text() == "before"
    assert os.listdir(tmp_path) == ["p.html"]


def test_an_error_at_the_last_moment_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "p.html"
    path.write_text("before")

    def refused(*paths):
        raise OSError("the disk says no")

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(OSError, match="the disk says no"):
        write(path)
    assert os.listdir(tmp_path) == ["p.html"] and path.read_text() == "before"


def test_a_file_that_is_mounted_there_is_filled(tmp_path, monkeypatch):
    path = tmp_path / "p.html"
    path.write_text("before " * 1_000_000)
    inode = os.stat(path).st_ino

    def refused(*paths):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", refused)
    write(path)
    assert path.read_text("utf-8") == TEXT and os.stat(path).st_ino == inode
    assert os.listdir(tmp_path) == ["p.html"]


def test_what_comes_there_meanwhile_is_seen(tmp_path):
    path, target = tmp_path / "p.html", tmp_path / "target"
    with OutputFile(path).open() as take:
        take(TEXT)
        target.write_text("before")
        path.symlink_to(target)
    assert path.is_symlink() and target.read_text("utf-8") == TEXT


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing yet"])
@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
@pytest.mark.parametrize("links", [1, 3])
def test_a_link_stays_and_its_file_is_written(tmp_path, there, relative, links):
    target = tmp_path / "pages" / "target.html"
    target.parent.mkdir()
    if there:
        target.write_text("before")
        target.chmod(0o600)
    path = target
    for number in range(links):
        link = tmp_path / f"link{number}"
        link.symlink_to(os.path.relpath(path, tmp_path) if relative else path)
        path = link
    write(path)
    assert path.is_symlink() and not target.is_symlink()
    assert target.read_text("utf-8") == TEXT
    assert not there or mode(target) == 0o600
    assert os.listdir(target.parent) == ["target.html"]


def test_all_names_of_a_file_show_the_new_text(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("before " * 1_000_000)
    os.link(one, other)
    write(one)
    assert other.read_text("utf-8") == TEXT and os.path.samefile(one, other)


@pytest.mark.parametrize("name", ["x" * 255, "€" * 85, "caf\udce9.html", "-", " ", "a\nb"])
def test_any_name_that_the_file_system_allows(tmp_path, name):
    try:
        (tmp_path / name).write_text("")
    except OSError:
        pytest.skip("this file system has no such names")
    (tmp_path / name).unlink()
    for _ in range(2):
        write(tmp_path / name)
        assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_text("utf-8") == TEXT


def sentence_for(path):
    with pytest.raises(OSError, match=r"\w") as caught:
        OutputFile(path)
    return str(caught.value)


def test_what_cannot_be_written_to_is_said_before_anything_is_computed(tmp_path, monkeypatch):
    assert "is a folder, which no page is written to; give the path of a file" in sentence_for(tmp_path)
    assert "nowhere is not there; make it, or write somewhere else" in sentence_for(tmp_path / "nowhere" / "p.html")
    (tmp_path / "loop").symlink_to("loop")
    assert "loop is a link that leads to itself; write somewhere else" in sentence_for(tmp_path / "loop")
    (tmp_path / "lost").symlink_to("nowhere/p.html")
    assert "lost is a link to" in sentence_for(tmp_path / "lost")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the address of a socket is short
        listener.bind("socket")
        assert (
            sentence_for(Path("socket")) == "socket is a socket, which no page is written to; give the path of a file"
        )
    assert "File name too long" in sentence_for(tmp_path / ("x" * 256))
    assert sentence_for(Path("/dev/fd/987")) == ("/dev/fd/987 is no open file of this process; give the path of a file")


def test_write_protection_is_respected(tmp_path, monkeypatch):
    (tmp_path / "p.html").write_text("before")
    protected = {tmp_path / "p.html", tmp_path}
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, bits: path not in protected and may(path, bits))  # root may all
    assert "p.html is write-protected; write somewhere else" in sentence_for(tmp_path / "p.html")
    assert f"the folder {tmp_path} is write-protected" in sentence_for(tmp_path / "new.html")
    protected.remove(tmp_path / "p.html")
    inode = os.stat(tmp_path / "p.html").st_ino
    write(tmp_path / "p.html")  # nothing can be put beside it: its content is replaced
    assert (tmp_path / "p.html").read_text("utf-8") == TEXT and os.stat(tmp_path / "p.html").st_ino == inode


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_another_users_file_stays_theirs_and_no_link_leads_to_it(tmp_path):
    path = tmp_path / "theirs"
    path.write_text("before " * 1_000_000)
    path.chmod(0o640)
    os.chown(path, 12345, 23456)
    (tmp_path / "link").symlink_to(path)
    assert "link is a link to another user's file" in sentence_for(tmp_path / "link")
    write(path)
    status = os.stat(path)
    assert (status.st_uid, status.st_gid, mode(path)) == (12345, 23456, 0o640)
    assert path.read_text("utf-8") == TEXT


@pytest.mark.skipif(not ROOT, reason="only root makes devices and gives files away")
def test_a_file_keeps_its_group(tmp_path):
    path = tmp_path / "p.html"
    path.write_text("before")
    os.chown(path, -1, 23456)
    write(path)
    assert os.stat(path).st_gid == 23456


def make_device(path, kind, numbers):
    try:
        os.mknod(path, 0o666 | kind, os.makedev(*numbers))
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        pytest.skip("devices cannot be made here")


def test_a_device_takes_the_text_and_stays_one(tmp_path):
    write(Path(os.devnull))
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    make_device(tmp_path / "null", stat.S_IFCHR, (1, 3))
    (tmp_path / "link").symlink_to("null")
    for name in ("null", "link"):
        assert not OutputFile(tmp_path / name).is_regular
        write(tmp_path / name)
    assert stat.S_ISCHR(os.lstat(tmp_path / "null").st_mode) and (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link", "null"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_a_device_that_is_full_says_so():
    with pytest.raises(OSError, match="No space left"):
        write(Path("/dev/full"))


def test_a_disk_is_never_written_to(tmp_path):
    try:
        os.mknod(tmp_path / "disk", 0o600 | stat.S_IFBLK, os.makedev(7, 250))
    except OSError:
        pytest.skip("devices cannot be made here")
    assert "disk is a block device, a disk, which no page is written to" in sentence_for(tmp_path / "disk")


@pytest.mark.parametrize("first", ["reader", "writer"])
def test_a_fifo_gives_its_reader_the_text(tmp_path, first):
    os.mkfifo(tmp_path / "fifo")
    received = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "fifo").read_bytes()))
    writer = threading.Thread(target=write, args=(tmp_path / "fifo",))
    threads = [reader, writer] if first == "reader" else [writer, reader]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert received == [TEXT.encode()]
    assert stat.S_ISFIFO(os.lstat(tmp_path / "fifo").st_mode)


@pytest.mark.parametrize("is_open", [True, False])
def test_a_fifo_that_nobody_reads_hangs_nothing(tmp_path, monkeypatch, is_open):
    monkeypatch.setattr(output_file, "PIPE_READER_SECONDS", 0.05)
    os.mkfifo(tmp_path / "fifo")
    other = os.open(tmp_path / "fifo", os.O_RDWR) if is_open else None
    with pytest.raises(OSError, match=r"nobody reads what is written to .*fifo; start its reader"):
        write(tmp_path / "fifo")
    if other is not None:
        os.close(other)
    assert stat.S_ISFIFO(os.lstat(tmp_path / "fifo").st_mode)


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_a_stream_of_the_process_goes_on_where_it_was(tmp_path, folder):
    if not os.path.isdir(folder):
        pytest.skip("this system has no such folder")
    with open(tmp_path / "log", "w+b", buffering=0) as file:
        file.write(b"before ")
        path = Path(folder) / str(file.fileno())
        assert not OutputFile(path).is_regular
        (tmp_path / "link").symlink_to(path)
        write(path, "ours")
        write(tmp_path / "link", " again")
        file.write(b" after")
    assert (tmp_path / "log").read_bytes() == b"before ours again after"
    assert sorted(os.listdir(tmp_path)) == ["link", "log"]


KILLED = """
import os, signal, sys
from pathlib import Path
from filterscope.saved_page.output_file import OutputFile

def killed(*paths):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "while it becomes the file":
    os.replace = killed
with OutputFile(Path(sys.argv[1])).open() as take:
    take("x" * 1_000_000)
    if sys.argv[2] == "while it is made":
        killed()
"""


@pytest.mark.parametrize(("moment", "left"), [("while it is made", 0), ("while it becomes the file", 1)])
def test_what_a_killed_writer_left_is_cleared(tmp_path, moment, left):
    path = tmp_path / "p.html"
    path.write_text("before")
    env = {**os.environ, "PYTHONPATH": str(Path(output_file.__file__).parents[2])}
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", KILLED, str(path), moment], env=env)
        assert done.returncode == -signal.SIGKILL
        assert path.read_text() == "before"
        assert len(os.listdir(tmp_path)) == 1 + left  # each clears what the one before left
    write(tmp_path / "other.html")
    assert sorted(os.listdir(tmp_path)) == ["other.html", "p.html"]


def test_only_what_nobody_writes_is_cleared(tmp_path, monkeypatch):
    stale = ".filterscope-0123456789ab.part"
    (tmp_path / stale).write_text("of a killed one")
    others = [f"{stale}ial", f"x{stale}", ".filterscope-mine.part", ".p.html"]
    for name in others:
        (tmp_path / name).write_text("mine")
    (tmp_path / ".filterscope-00000000000a.part").mkdir()
    (tmp_path / ".filterscope-00000000000b.part").symlink_to(others[0])
    there = [*others, ".filterscope-00000000000a.part", ".filterscope-00000000000b.part"]
    seen = []
    replace = os.replace

    def inner(source, target):
        if not seen:
            seen.append(Path(source).name)
            write(tmp_path / "inner.html")  # at the moment at which the outer one is almost there
            assert os.path.exists(source)
        replace(source, target)

    monkeypatch.setattr(os, "replace", inner)
    write(tmp_path / "outer.html")
    assert len(seen) == 1
    assert sorted(os.listdir(tmp_path)) == sorted([*there, "inner.html", "outer.html"])
    assert (tmp_path / "outer.html").read_text("utf-8") == TEXT


def test_of_many_writers_at_once_one_wins_whole(tmp_path):
    path = tmp_path / "p.html"
    texts = [letter * 300_000 for letter in "abcdef"]
    errors = []

    def writing(text):
        try:
            for _ in range(10):
                write(path, text)
                assert path.read_text() in texts
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=writing, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    assert os.listdir(tmp_path) == ["p.html"]
