"""Finds characters that no font has. They are missing in the document, and WeasyPrint does not report them."""

import ctypes
import ctypes.util
import unicodedata

from fontTools.ttLib import TTFont

# The common Latin letters and signs, assumed to be in every font.
COMMON = frozenset(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x2010, 0x2027), 0x20AC, 0x2122)))
# Controls, spaces, joiners, selectors and pages.BREAK have no visible glyph.
INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp", "Cn", "Cs"}
SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5)))
PACKAGES = (
    ("fonts-noto-cjk", ((0x1100, 0x11FF), (0x2E80, 0xA4CF), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF))),
    ("fonts-noto-color-emoji", ((0x1F000, 0x1FAFF), (0x2600, 0x27BF))),
)
FONT_FILES = {".ttf", ".otf", ".ttc", ".woff", ".woff2"}


class Fonts:
    """The characters of the system's fonts, queried once."""

    def __init__(self):
        self.known = set(COMMON)
        self.charset = None

    def lacking(self, text, folder):
        """The characters of `text` that neither the system's fonts nor those in the template's folder have."""
        unknown = {char for char in set(text) - self.known if is_visible(char)}
        if not unknown:
            return []
        found = {char for char in unknown if self.has(char)}
        self.known |= found
        unknown -= found
        if unknown:
            unknown = {char for char in unknown if ord(char) not in characters_in(folder)}
        return sorted(unknown)

    def has(self, char):
        if self.charset is None:
            self.charset = Charset()
        return ord(char) in self.charset


def is_visible(char):
    return unicodedata.category(char) not in INVISIBLE and char not in SELECTORS


def characters_in(folder):
    """The code points of the font files in a template's folder."""
    found = set()
    for path in folder.rglob("*"):
        if path.suffix.lower() not in FONT_FILES or not path.is_file():
            continue
        try:
            with TTFont(path, fontNumber=0, lazy=True) as font:
                found.update(font.getBestCmap() or ())
        except Exception:  # not a font in spite of its name
            continue
    return found


class Charset:
    """The union of the characters of all fonts, from fontconfig, which Pango uses to choose fonts."""

    class FontSet(ctypes.Structure):
        _fields_ = [("count", ctypes.c_int), ("size", ctypes.c_int), ("fonts", ctypes.POINTER(ctypes.c_void_p))]

    def __init__(self):
        library = self.library = ctypes.CDLL(ctypes.util.find_library("fontconfig") or "libfontconfig.so.1")
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        for name, result, arguments in (
            ("FcPatternCreate", pointer, []),
            ("FcObjectSetCreate", pointer, []),
            ("FcObjectSetAdd", ctypes.c_int, [pointer, text]),
            ("FcFontList", ctypes.POINTER(self.FontSet), [pointer, pointer, pointer]),
            ("FcPatternGetCharSet", ctypes.c_int, [pointer, text, ctypes.c_int, ctypes.POINTER(pointer)]),
            ("FcCharSetCreate", pointer, []),
            ("FcCharSetMerge", ctypes.c_int, [pointer, pointer, pointer]),
            ("FcCharSetHasChar", ctypes.c_int, [pointer, ctypes.c_uint32]),
            ("FcFontSetDestroy", None, [ctypes.POINTER(self.FontSet)]),
            ("FcObjectSetDestroy", None, [pointer]),
            ("FcPatternDestroy", None, [pointer]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        self.union = library.FcCharSetCreate()
        every, wanted = library.FcPatternCreate(), library.FcObjectSetCreate()
        library.FcObjectSetAdd(wanted, b"charset")
        fonts = library.FcFontList(None, every, wanted)
        for i in range(fonts.contents.count):
            charset = ctypes.c_void_p()
            if library.FcPatternGetCharSet(fonts.contents.fonts[i], b"charset", 0, ctypes.byref(charset)) == 0:
                library.FcCharSetMerge(self.union, charset, None)
        library.FcFontSetDestroy(fonts)
        library.FcObjectSetDestroy(wanted)
        library.FcPatternDestroy(every)

    def __contains__(self, code):
        return self.library.FcCharSetHasChar(self.union, code) != 0


def text_of(element):
    """Approximately the visible text of an HTML element: without head, scripts and styles."""
    if element.tag in ("head", "style", "script") or not isinstance(element.tag, str):
        return element.tail or ""
    return "".join([element.text or "", *map(text_of, element), element.tail or ""])


def package_of(char):
    for name, ranges in PACKAGES:
        if any(first <= ord(char) <= last for first, last in ranges):
            return name
    return "fonts-noto-core"


def sentence(lacking, places):
    """The warning: the characters, their places in the data, and what to install."""
    listed = ", ".join(f"{char} (U+{ord(char):04X})" for char in lacking[:10])
    more = f" and {len(lacking) - 10} more" if len(lacking) > 10 else ""
    named = f", in {', '.join(places)}" if places else ""
    packages = " or ".join(sorted({package_of(char) for char in lacking}))
    return (
        f"no font has {listed}{more}{named}: they are missing in the document; install a font that has them, such as"
        f" Debian's {packages}, or put one into the template's folder"
    )
