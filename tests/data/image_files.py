"""Image files as bytes, for the tests of image reading."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def png(pixels: NDArray[np.generic], bit_depth: int, colour_type: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of any bit depth, with further chunks before the pixels. pixels: H,W or H,W,C, values as stored."""
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    rows = pixels.reshape(height, -1)
    if bit_depth == 16:
        lines = [row.astype(">u2").tobytes() for row in rows]
    else:
        bits = [np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, -bit_depth:].ravel() for row in rows]
        lines = [np.packbits(row).tobytes() for row in bits]
    data = zlib.compress(b"".join(b"\0" + line for line in lines))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def tiff(data: bytes, width: int, height: int, big_endian: bool = False, **tags: int | tuple[int, ...]) -> bytes:
    """An uncompressed TIFF of one strip. tags: bits, photometric, samples, sample_format, extra, orientation."""
    numbers = {"bits": 258, "photometric": 262, "orientation": 274, "samples": 277, "extra": 338, "sample_format": 339}
    samples = tags.get("samples", 1)
    assert isinstance(samples, int)
    values: dict[int, int | tuple[int, ...]] = {256: width, 257: height, 259: 1, 278: height, 279: len(data)}
    values |= {numbers[name]: value for name, value in tags.items()}
    order = ">" if big_endian else "<"
    body, entries = data + bytes(len(data) % 2), []
    values[273] = 8
    for tag, value in sorted(values.items()):
        several = value if isinstance(value, tuple) else (value,)
        kind, code = (4, "I") if tag in (256, 257, 273, 278, 279) else (3, "H")
        packed = struct.pack(f"{order}{len(several)}{code}", *several)
        if len(packed) > 4:
            offset, body = 8 + len(body), body + packed + bytes(len(packed) % 2)
            packed = struct.pack(f"{order}I", offset)
        entries.append(struct.pack(f"{order}HHI", tag, kind, len(several)) + packed.ljust(4, b"\0"))
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
    header = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(f"{order}I", 8 + len(body))
    return header + body + directory


_SRGB_COLORANTS = {  # XYZ relative to D50, as in the sRGB profile
    "r": (0.43607, 0.22249, 0.01392),
    "g": (0.38515, 0.71687, 0.09708),
    "b": (0.14307, 0.06061, 0.71410),
}


def rgb_profile(channels: str = "rgb", gamma: float = 2.2) -> bytes:
    """An ICC profile with the primaries of sRGB in the given order: "bgr" swaps red and blue."""
    tags = {f"{name}XYZ": _xyz(_SRGB_COLORANTS[source]) for name, source in zip("rgb", channels, strict=True)}
    tags |= {f"{name}TRC": _gamma(gamma) for name in "rgb"}
    return _profile(b"RGB ", b"mntr", tags)


def grey_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", b"mntr", {"kTRC": _gamma(gamma)})


def cmyk_profile(inverted: bool) -> bytes:
    """A CMYK profile that maps C=M=Y=K=0 to white and anything else to black; `inverted` swaps the two."""
    white, black = bytes([255, 128, 128]), bytes([0, 128, 128])
    first, other = (black, white) if inverted else (white, black)
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + 4 * ramp + first + 15 * other + 3 * ramp
    return _profile(b"CMYK", b"prtr", {"A2B0": table}, b"Lab ")


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def _gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def _profile(space: bytes, kind: bytes, tags: dict[str, bytes], connection: bytes = b"XYZ ") -> bytes:
    tags = {"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)} | tags
    tags |= {"wtpt": _xyz((0.9642, 1.0, 0.8249))}
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name.encode() + struct.pack(">II", offset + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s", offset + len(body), b"lcms", 0x02100000, kind, space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + table + body
