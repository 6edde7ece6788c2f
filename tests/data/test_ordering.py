"""Orders by several keys, against NumPy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recbench.data.ordering import order_by

SMALL = st.integers(-3, 3)
LARGE = st.sampled_from([-(2**63), -(2**31), 0, 7, 2**40, 2**63 - 1])


@given(
    keys=st.integers(0, 12).flatmap(
        lambda n: st.lists(
            st.one_of(
                hnp.arrays(np.int32, n, elements=SMALL),
                hnp.arrays(np.int64, n, elements=SMALL),
                hnp.arrays(np.int64, n, elements=LARGE),
            ),
            min_size=1,
            max_size=3,
        )
    )
)
def test_the_order_is_that_of_lexsort_whether_or_not_the_keys_fit_into_one_number(keys: list[np.ndarray]) -> None:
    np.testing.assert_array_equal(order_by(*keys), np.lexsort(keys))
