"""Write every generated page and picture anew: `make docs`."""

from __future__ import annotations

import asyncio

from docs.tools import commands, json_members, keys, licences, pictures, settings

PAGES = (commands, settings, keys, json_members, licences)


def main() -> None:
    """Write the pages that differ, naming them, and all pictures."""
    for generator in PAGES:
        text = generator.page()
        if text != generator.PAGE.read_text(encoding="utf-8"):
            generator.PAGE.write_text(text, encoding="utf-8")
            print(f"wrote docs/{generator.PAGE.name}")
    asyncio.run(pictures.take_all())


if __name__ == "__main__":
    main()
