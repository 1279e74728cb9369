"""File formats: PDEBench's and The Well's, written and read; h5py is loaded on use."""

# The door opens on `reading` too, which stands above this folder: whoever has a file
# looks for its reader here.
from ..reading._flow_data import FlowData as FlowData, load as load
from ..reading._lazy_array import LazyArray as LazyArray
from ..reading._statistics import write_statistics as write_statistics
from ._file_format import (
    FIELDS as FIELDS,
    Field as Field,
    FileContents as FileContents,
    FileFormat as FileFormat,
    FilePlan as FilePlan,
)
from ._registry import FORMATS as FORMATS
from ._row_writer import create_rows as create_rows
