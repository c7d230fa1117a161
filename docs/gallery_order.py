"""The order of the gallery: the method's first figures first, the others by their names."""

FIRST = ("learning_gaussian.py", "swiss_roll.py", "four_gaussians.py", "sierpinski_carpet.py")
FIRST += ("few_rows.py", "digits.py", "two_cohorts.py", "certificate.py", "without_a_network.py")


class FirstFigures:
    """What sphinx-gallery sorts by: made for a folder, called with a file's name."""

    def __init__(self, folder: str):
        self.folder = folder

    def __call__(self, name: str) -> tuple[int, str]:
        return (FIRST.index(name) if name in FIRST else len(FIRST), name)

    def __repr__(self) -> str:
        return "FirstFigures"
