"""Finds the tag of a template that an error comes from, `{{ price | money }}`, even if its line has several.

Jinja2 reports only lines. The lexer therefore numbers tags instead of lines, and keeps the line of each tag.
"""

import collections

import jinja2
import jinja2.compiler
import jinja2.lexer

BEGIN = ("variable_begin", "block_begin")
END = ("variable_end", "block_end")

Tag = collections.namedtuple("Tag", "line text")  # `text` is empty between tags


class Lexer(jinja2.lexer.Lexer):
    def __init__(self, environment):
        super().__init__(environment)
        self.tags = {}  # by file; the first tag has number 1

    def tokeniter(self, source, name, filename=None, state=None):
        tags = self.tags[filename] = []
        is_inside = False
        try:
            for line, kind, text in super().tokeniter(source, name, filename, state):
                if not is_inside:
                    tags.append(Tag(line, ""))
                is_inside = is_inside or kind in BEGIN
                if is_inside:
                    tags[-1] = Tag(tags[-1].line, tags[-1].text + text)
                is_inside = is_inside and kind not in END
                yield len(tags), kind, text
        except jinja2.TemplateSyntaxError as error:
            tags.append(Tag(error.lineno, tags[-1].text if is_inside else ""))
            error.lineno = len(tags)
            raise

    def tag(self, filename, number):
        """The tag of that number, on one line; None if the file is not a template."""
        tags = self.tags.get(filename, [])
        if not 0 < number <= len(tags):
            return None
        return Tag(tags[number - 1].line, " ".join(tags[number - 1].text.split()))


class CodeGenerator(jinja2.compiler.CodeGenerator):
    def visit_With(self, node, frame):
        self.writeline("pass", node)  # without it, errors in this tag would be reported for the tag before it
        super().visit_With(node, frame)
