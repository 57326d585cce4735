"""A free DOS translator of a few bytes, and one that never ends; made here, byte by byte.

It stands for a vendor's: it reads C:\\SCAN.IMG (2048 bytes that are an Interfile header, then
pixels each byte of which is XORed with 55h, so that nothing but the program can have made them
right) and writes E:\\SCAN.H33 and E:\\SCAN.I33. Without that file it says so and ends with 1.
"""

from __future__ import annotations

HEADER = 2048
KEY = 0x55
MOST = 0x8000
HANG = b"\xeb\xfe"
"""jmp $"""
ORIGIN = 0x100  # where DOS loads a .COM

TEXTS = {
    "in": b"C:\\SCAN.IMG\0",
    "header": b"E:\\SCAN.H33\0",
    "pixels": b"E:\\SCAN.I33\0",
    "say": b"SCAN.IMG is not a study$",
}


def program() -> bytes:
    """The machine code: a list of bytes and of labels, laid out twice."""
    places: dict[str, int] = {}
    for _ in range(2):
        code = bytearray()
        for part in _parts():
            if isinstance(part, bytes):
                code += part
                continue
            kind, label = part
            here = ORIGIN + len(code)
            if kind == "label":
                places[label] = here
            elif kind == "word":
                code += places.get(label, here).to_bytes(2, "little")
            else:  # a short jump, from the byte behind it
                code += (places.get(label, here + 1) - here - 1).to_bytes(1, "little", signed=True)
    return bytes(code)


Part = bytes | tuple[str, str]
INT21 = b"\xcd\x21"


def _dx(label: str) -> list[Part]:
    return [b"\xba", ("word", label)]


def _call(function: int) -> list[Part]:
    """A function of DOS; a carry is a failure."""
    return [bytes((0xB4, function)), INT21, b"\x72", ("byte", "fail")]


def _count(count: int) -> bytes:
    return b"\xb9" + count.to_bytes(2, "little")  # mov cx, count


def _create(label: str) -> list[Part]:
    return [b"\x31\xc9", *_dx(label), *_call(0x3C), b"\x89\xc3"]  # xor cx, cx; mov bx, ax


def _parts() -> list[Part]:
    texts: list[Part] = []
    for label, text in TEXTS.items():
        texts += [("label", label), text]
    return [
        *[*_dx("in"), b"\xb0\x00", *_call(0x3D)],  # open
        b"\x89\xc3\x89\xde",  # mov bx, ax; mov si, bx
        *[_count(HEADER), *_dx("buffer"), *_call(0x3F)],  # read the header
        b"\x3d" + HEADER.to_bytes(2, "little") + b"\x75",  # cmp ax, HEADER; jne
        ("byte", "fail"),
        *_create("header"),
        *[_count(HEADER), *_dx("buffer"), *_call(0x40)],  # write
        *_call(0x3E),  # close
        b"\x89\xf3",  # mov bx, si
        *[_count(MOST), *_dx("buffer"), *_call(0x3F)],  # read the pixels
        b"\x89\xc7\x89\xf9\xe3",  # mov di, ax; mov cx, di; jcxz
        ("byte", "none"),
        *[b"\xbb", ("word", "buffer")],  # mov bx, buffer
        ("label", "next"),
        bytes((0x80, 0x37, KEY)) + b"\x43\xe2",  # xor byte [bx], KEY; inc bx; loop
        ("byte", "next"),
        ("label", "none"),
        *_create("pixels"),
        *[b"\x89\xf9", *_dx("buffer"), *_call(0x40)],  # mov cx, di; write
        *_call(0x3E),
        b"\xb8\x00\x4c" + INT21,  # end with 0
        ("label", "fail"),
        *[*_dx("say"), b"\xb4\x09" + INT21],
        b"\xb8\x01\x4c" + INT21,  # end with 1
        *texts,
        ("label", "buffer"),
    ]


def study(header: bytes, pixels: bytes) -> bytes:
    """A file as the invented camera writes it."""
    assert len(header) <= HEADER
    return header.ljust(HEADER, b"\n") + bytes(byte ^ KEY for byte in pixels)
