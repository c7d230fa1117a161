"""Results know how to show themselves."""

import gparticles as gpa


def test_a_real_certificate_shows_its_bounds():
    found = gpa.divergence([[0.0, 0.0]], [[3.0, 4.0]], lipschitz=2.0)
    html = found._repr_html_()
    assert "between 10 and 10 nats" in html
    assert "Certificate" in html
