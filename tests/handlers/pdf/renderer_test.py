#!/usr/bin/env python3
"""Tests the renderer's parts without the plugin around them.

    renderer_test.py RENDERER_FOLDER
"""

import sys
import unittest
from unittest import mock

sys.path.insert(0, sys.argv.pop(1))

import font_cache  # noqa: E402


class FontCache(unittest.TestCase):
    def installed_over(self, clean):
        font = type("Font", (), {"clean": clean})
        with mock.patch.object(font_cache.stream, "Font", font, create=True):
            font_cache.install()
        return font.clean

    def test_wraps_what_cuts_fonts_slowly(self):
        def clean(self, cmap):
            pass

        self.assertIs(self.installed_over(clean).__wrapped__, clean)

    def test_leaves_other_versions_alone(self):
        def clean(self, cmap, hinting):
            pass

        self.assertIs(self.installed_over(clean), clean)
        with mock.patch.object(font_cache, "stream", object()):
            font_cache.install()


if __name__ == "__main__":
    unittest.main()
