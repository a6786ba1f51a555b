"""Keeps the subsets of fonts that WeasyPrint embeds, which is most of its work on a short document.

WeasyPrint cuts each font down to the glyphs of the document, anew for each document. Here a font is cut
once to the common Latin letters, digits and signs, and that subset goes into every document which needs no
other glyph; a document that does gets a subset of its own, as WeasyPrint makes it. So a document's bytes
depend on it alone, and not on what was rendered before.
"""

import functools
import hashlib
import inspect

from weasyprint.pdf import stream

# Latin with accents, punctuation, ligatures, currencies and a few signs: about 20 kB for each font.
COMMON = [*range(0x20, 0x180), *range(0x2010, 0x2027), *range(0x2030, 0x203B), 0x20AC, 0x2122, 0xFB01, 0xFB02]


def install():
    """For WeasyPrint 57 and 58, which cut fonts down with fontTools, and slowly. Later ones are left as they are:
    from 63 on they have HarfBuzz do it, in a few milliseconds."""
    font = getattr(stream, "Font", None)
    clean = getattr(font, "clean", None)
    if clean and list(inspect.signature(clean).parameters) == ["self", "cmap"]:
        font.clean = cached(clean)


def cached(clean):
    common = {}  # the glyphs of COMMON in a font file, by its hash
    subsets = {}  # the file, cut down to those

    @functools.wraps(clean)
    def wrapper(font, cmap):
        if not cmap or font.ttfont is None or font.bitmap or font.png or font.svg or "fvar" in font.ttfont:
            return clean(font, cmap)
        key = hashlib.sha1(font.file_content).digest(), font.index
        if key not in common:
            common[key] = common_glyphs(font.ttfont)
        if not common[key].issuperset(cmap):
            return clean(font, cmap)
        if key not in subsets:
            clean(font, dict.fromkeys(common[key], ""))
            subsets[key] = font.file_content
        font.file_content = subsets[key]

    return wrapper


def common_glyphs(ttfont):
    names = ttfont.getBestCmap() or {}
    return frozenset(ttfont.getGlyphID(names[code]) for code in COMMON if code in names)
