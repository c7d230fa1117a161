"""What the tests of files share."""

import pytest

from gparticles.errors import InputError


@pytest.fixture(scope="session")
def refused():
    """Check that a call is refused with one line that holds these parts; gives the line."""

    def check(call, *parts):
        with pytest.raises(InputError) as caught:
            call()
        message = str(caught.value)
        assert "\n" not in message
        assert ";" in message  # problem; mend
        for part in parts:
            assert part in message
        return message

    return check
