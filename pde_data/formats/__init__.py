"""File formats: PDEBench's and The Well's, written and read; h5py is loaded on use."""

from ._open import (
    FIELDS as FIELDS,
    Field as Field,
    FlowData as FlowData,
    LazyArray as LazyArray,
    load as load,
)
