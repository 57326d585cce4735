"""How a study is written on a page."""
