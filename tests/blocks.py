"""The code blocks of a page, as tests run them; as a script it prints those of one language.

python tests/blocks.py sh README.md
"""

import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple


class Block(NamedTuple):
    """A fenced block: its language, its text and the line that it begins in."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page that name a language, also those inside of lists."""
    content = page.read_text(encoding="utf-8")
    pattern = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
    return [
        Block(found[2], textwrap.dedent(found[3]), content[: found.start()].count("\n") + 1)
        for found in pattern.finditer(content)
    ]


def commands(block: Block) -> list[str]:
    """The commands of a block of shell, without comments, continued lines joined."""
    joined = block.text.replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"\s+#.*", "", one).strip() for one in joined) if line]


if __name__ == "__main__":
    language, page = sys.argv[1:]
    sys.stdout.write("\n".join(b.text for b in blocks(Path(page)) if b.language == language))
