"""The frame around every screen: navigation, palette, keymap, themes, clipboard, crashes."""
