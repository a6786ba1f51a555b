"""Reduces fonts to the glyphs of a document with HarfBuzz, as WeasyPrint does from version 63 on.

The versions in Debian 12 and 13, 57 and 62, use fontTools. That is most of the work for a short document, and takes
seconds for a font with tens of thousands of glyphs, as for Chinese, Japanese and Korean.
"""

import ctypes
import functools
import inspect

from weasyprint.pdf import stream

# hb_subset_flags_t, hb_subset_sets_t and hb_memory_mode_t of hb-subset.h and hb-blob.h.
NO_HINTING, RETAIN_GIDS, DESUBROUTINIZE, PASSTHROUGH = 0x1, 0x2, 0x4, 0x20
DROP_TABLE_TAG = 3
DUPLICATE = 0
DROPPED = (b"BASE", b"DSIG", b"EBDT", b"EBLC", b"EBSC", b"GDEF", b"GPOS", b"GSUB", b"JSTF", b"LTSH", b"PCLT", b"SVG ")


def install():
    """Does nothing if WeasyPrint's method differs, or HarfBuzz's library is missing."""
    font = getattr(stream, "Font", None)
    clean = getattr(font, "clean", None)
    if clean is None or hasattr(font, "subset") or list(inspect.signature(clean).parameters)[:2] != ["self", "cmap"]:
        return
    try:
        cut = Cutter()
    except (OSError, AttributeError):
        return
    stream.Font.clean = with_harfbuzz(clean, cut)


def with_harfbuzz(clean, cut):
    @functools.wraps(clean)
    def wrapper(font, cmap, *rest):
        is_special = font.ttfont is None or font.bitmap or font.png or font.svg or "fvar" in font.ttfont
        content = None if is_special or not cmap else cut(font.file_content, font.index, cmap)
        if content:
            font.file_content = content
        else:
            clean(font, cmap, *rest)

    return wrapper


class Cutter:
    def __init__(self):
        self.harfbuzz = ctypes.CDLL("libharfbuzz.so.0")
        self.subset = ctypes.CDLL("libharfbuzz-subset.so.0")
        pointer, number = ctypes.c_void_p, ctypes.c_uint
        for library, name, result, arguments in (
            (self.harfbuzz, "hb_blob_create", pointer, [ctypes.c_char_p, number, ctypes.c_int, pointer, pointer]),
            (self.harfbuzz, "hb_blob_destroy", None, [pointer]),
            (self.harfbuzz, "hb_blob_get_data", pointer, [pointer, ctypes.POINTER(number)]),
            (self.harfbuzz, "hb_face_create", pointer, [pointer, number]),
            (self.harfbuzz, "hb_face_destroy", None, [pointer]),
            (self.harfbuzz, "hb_face_reference_blob", pointer, [pointer]),
            (self.harfbuzz, "hb_set_add", None, [pointer, ctypes.c_uint32]),
            (self.subset, "hb_subset_input_create_or_fail", pointer, []),
            (self.subset, "hb_subset_input_destroy", None, [pointer]),
            (self.subset, "hb_subset_input_glyph_set", pointer, [pointer]),
            (self.subset, "hb_subset_input_set", pointer, [pointer, ctypes.c_int]),
            (self.subset, "hb_subset_input_set_flags", None, [pointer, number]),
            (self.subset, "hb_subset_or_fail", pointer, [pointer, pointer]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments

    def __call__(self, font, index, glyphs):
        """The font with only the outlines of those glyphs, each under its number; None if HarfBuzz fails."""
        blob = self.harfbuzz.hb_blob_create(font, len(font), DUPLICATE, None, None)
        face = self.harfbuzz.hb_face_create(blob, index)
        self.harfbuzz.hb_blob_destroy(blob)
        wish = self.wish(glyphs)
        cut = self.subset.hb_subset_or_fail(face, wish)
        self.subset.hb_subset_input_destroy(wish)
        self.harfbuzz.hb_face_destroy(face)
        if not cut:
            return None
        blob = self.harfbuzz.hb_face_reference_blob(cut)
        size = ctypes.c_uint()
        data = self.harfbuzz.hb_blob_get_data(blob, ctypes.byref(size))
        content = ctypes.string_at(data, size.value) if data else None
        self.harfbuzz.hb_blob_destroy(blob)
        self.harfbuzz.hb_face_destroy(cut)
        return content

    def wish(self, glyphs):
        wish = self.subset.hb_subset_input_create_or_fail()
        if not wish:
            raise MemoryError
        wanted = self.subset.hb_subset_input_glyph_set(wish)
        for glyph in glyphs:
            self.harfbuzz.hb_set_add(wanted, glyph)
        dropped = self.subset.hb_subset_input_set(wish, DROP_TABLE_TAG)
        for name in DROPPED:
            self.harfbuzz.hb_set_add(dropped, int.from_bytes(name, "big"))
        self.subset.hb_subset_input_set_flags(wish, NO_HINTING | RETAIN_GIDS | DESUBROUTINIZE | PASSTHROUGH)
        return wish
