"""The part of a card that belongs to its owner."""

BEGIN = "<!-- Yours: what stands between these two lines is kept when the card is written anew. -->"
END = "<!-- End of yours. -->"


def notes_of(card: str) -> str:
    """What a person wrote between the marked lines of a card; empty where there is none."""
    lines = card.splitlines(keepends=True)
    marks = [number for number, line in enumerate(lines) if line.strip() in (BEGIN, END)]
    if len(marks) < 2 or lines[marks[0]].strip() != BEGIN or lines[marks[-1]].strip() != END:
        return ""
    return "".join(lines[marks[0] + 1 : marks[-1]]).strip("\n")


def marked(notes: str) -> str:
    """The marked lines with notes between them, the end of a card."""
    return f"{BEGIN}\n\n{notes}\n\n{END}\n" if notes else f"{BEGIN}\n\n{END}\n"
