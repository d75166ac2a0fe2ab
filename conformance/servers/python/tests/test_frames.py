import unittest

from tidemark.frames import (
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    FrameDecoder,
    FrameError,
    accept_key,
    check_close,
    encode_frame,
    unmask,
)


def masked(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    """A frame as a client sends it."""
    frame = bytearray(encode_frame(opcode, data, fin=fin))
    start = len(frame) - len(data)
    frame[1] |= 0x80
    return bytes(frame[:start]) + b"\x01\x02\x03\x04" + unmask(data, b"\x01\x02\x03\x04")


class FramesTest(unittest.TestCase):
    def test_frames_are_read_from_pieces_of_any_size(self) -> None:
        for length in (0, 1, 125, 126, 65535, 65536):
            decoder = FrameDecoder(100_000)
            sent = masked(TEXT, b"x" * length)
            step = max(1, len(sent) // 7)
            frames = [frame for at in range(0, len(sent), step) for frame in decoder.feed(sent[at : at + step])]
            self.assertEqual([len(frame.data) for frame in frames], [length])

    def test_an_invalid_frame_is_refused_by_its_header(self) -> None:
        for data, code in [
            (b"\x81\x00", 1002),
            (b"\xc1\x80", 1002),
            (b"\x83\x80", 1002),
            (b"\x09\x80", 1002),
            (b"\x89\xff", 1002),
            (b"\x80\x80", 1002),
            (b"\x81\xff\x80" + bytes(11), 1002),
            (b"\x81\xff" + (101).to_bytes(8, "big") + bytes(4), 1009),
        ]:
            with self.subTest(data=data), self.assertRaises(FrameError) as caught:
                list(FrameDecoder(100).feed(data))
            self.assertEqual(caught.exception.code, code)

    def test_control_frames_may_arrive_between_the_fragments_of_a_message(self) -> None:
        decoder = FrameDecoder(10)
        data = masked(TEXT, b"12345", fin=False) + masked(PING, b"") + masked(CONTINUATION, b"67890")
        self.assertEqual([frame.opcode for frame in decoder.feed(data)], [TEXT, PING, CONTINUATION])
        with self.assertRaises(FrameError) as caught:
            list(decoder.feed(masked(TEXT, b"12345", fin=False) + masked(CONTINUATION, b"678901")))
        self.assertEqual(caught.exception.code, 1009)
        with self.assertRaises(FrameError):
            list(FrameDecoder(10).feed(masked(TEXT, b"", fin=False) + masked(TEXT, b"")))

    def test_close_frames_must_have_a_permitted_code(self) -> None:
        for data in (b"", b"\x03\xe8", b"\x0f\xa0bye"):
            check_close(data)
        for data in (b"\x03", b"\x03\xed", b"\x03\xee", b"\x00\x00", b"\x13\x88", b"\x03\xe8\xff"):
            with self.subTest(data=data), self.assertRaises(FrameError):
                check_close(data)
        self.assertEqual(CLOSE, 8)

    def test_the_sample_key_of_the_rfc_gives_the_answer_of_the_rfc(self) -> None:
        self.assertEqual(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        for key in ("", "x", "dGhlIHNhbXBsZSBub25jZQ", "AAAA", "\u00e9" * 24):
            with self.subTest(key=key), self.assertRaises(ValueError):
                accept_key(key)
