"""Write every generated page anew: `make docs`."""

from __future__ import annotations

from docs.tools import commands, json_members, keys, licences, settings

PAGES = (commands, settings, keys, json_members, licences)


def main() -> None:
    """Write what differs, and name it."""
    for generator in PAGES:
        text = generator.page()
        if text != generator.PAGE.read_text(encoding="utf-8"):
            generator.PAGE.write_text(text, encoding="utf-8")
            print(f"wrote docs/{generator.PAGE.name}")


if __name__ == "__main__":
    main()
