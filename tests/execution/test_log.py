"""The bounded log, by hand."""

import os

from recbench.execution.log import HEAD_BYTES, TAIL_BYTES, BoundedLog


def copied(path, chunks):
    log = BoundedLog(path)
    for chunk in chunks:
        os.write(log.writer, chunk)
        assert log.drain()
    os.close(log.writer)
    log.close()
    return path.read_bytes()


def test_what_fits_is_copied_as_it_is(tmp_path):
    chunks = [b"one\n", b"two\xff", b""]
    assert copied(tmp_path / "logs" / "x.log", chunks) == b"one\ntwo\xff"


def test_nothing_is_left_out_until_head_and_tail_are_full(tmp_path):
    block = bytes(range(256)) * 128
    chunks = [block] * ((HEAD_BYTES + TAIL_BYTES) // len(block))
    assert copied(tmp_path / "x.log", chunks) == b"".join(chunks)
    content = copied(tmp_path / "y.log", [*chunks, b"end"])
    assert content.startswith(b"".join(chunks)[:HEAD_BYTES] + b"\n[3 bytes left out]\n")
    assert content.endswith(b"end")


def test_a_log_of_the_same_name_is_replaced(tmp_path):
    path = tmp_path / "x.log"
    path.write_text("old and long")
    assert copied(path, [b"new"]) == b"new"


def test_the_end_of_the_writers_is_told(tmp_path):
    log = BoundedLog(tmp_path / "x.log")
    assert log.drain()
    os.close(log.writer)
    assert not log.drain()
    log.close()


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path):
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = BoundedLog(tmp_path / "logs" / "x.log")
    os.write(log.writer, b"lost")
    assert log.drain()
    os.close(log.writer)
    log.close()
