THEME_COOKIE = "theme"
THEMES = ("light", "dark")
