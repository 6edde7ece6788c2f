"""What a certificate may not say."""

import numpy as np
import pytest

from recbench.contracts import Certificate, RuleViolation

KEPT = np.array([[3, 2, 2], [1, 0, 0]])


def test_a_certificate_that_falls_with_the_fakes_fits() -> None:
    Certificate(3, KEPT, 0.999).check(2)


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (Certificate(3, KEPT[:1], 0.9), "expected integers"),
        (Certificate(3, KEPT.astype(float), 0.9), "float64"),
        (Certificate(2, KEPT, 0.9), "lists hold 2"),
        (Certificate(3, KEPT[:, ::-1], 0.9), "rises with the number of fakes"),
        (Certificate(3, KEPT, 0.0), "confidence is 0"),
    ],
)
def test_any_other_is_a_violation(certificate: Certificate, reason: str) -> None:
    with pytest.raises(RuleViolation, match=reason):
        certificate.check(2)
