//! Parquet files as `cryo` and Polars write them.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

/// Values of a column, each of which may be null.
#[derive(Clone)]
pub(super) enum Written {
    Bytes(Vec<Option<Vec<u8>>>),
    Fixed(Vec<Option<[u8; 3]>>),
    Text(Vec<Option<String>>),
    Flag(Vec<Option<bool>>),
    Unsigned32(Vec<Option<u32>>),
    Unsigned64(Vec<Option<u64>>),
    Signed64(Vec<Option<i64>>),
    Double(Vec<Option<f64>>),
}

pub(super) type Columns = Vec<(String, Written)>;

impl Written {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Fixed(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Flag(values) => values.len(),
            Self::Unsigned32(values) => values.len(),
            Self::Unsigned64(values) => values.len(),
            Self::Signed64(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    fn types(&self) -> (Physical, ConvertedType) {
        match self {
            Self::Bytes(_) => (Physical::BYTE_ARRAY, ConvertedType::NONE),
            Self::Fixed(_) => (Physical::FIXED_LEN_BYTE_ARRAY, ConvertedType::NONE),
            Self::Text(_) => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
            Self::Flag(_) => (Physical::BOOLEAN, ConvertedType::NONE),
            Self::Unsigned32(_) => (Physical::INT32, ConvertedType::UINT_32),
            Self::Unsigned64(_) => (Physical::INT64, ConvertedType::UINT_64),
            Self::Signed64(_) => (Physical::INT64, ConvertedType::NONE),
            Self::Double(_) => (Physical::DOUBLE, ConvertedType::NONE),
        }
    }

    fn write(&self, rows: Range<usize>, column: &mut SerializedColumnWriter<'_>) {
        match self {
            Self::Bytes(values) => put::<ByteArrayType, _>(column, &values[rows], |value| value.clone().into()),
            Self::Fixed(values) => {
                put::<FixedLenByteArrayType, _>(column, &values[rows], |value| value.to_vec().into())
            }
            Self::Text(values) => {
                put::<ByteArrayType, _>(column, &values[rows], |value| ByteArray::from(value.as_str()))
            }
            Self::Flag(values) => put::<BoolType, _>(column, &values[rows], |value| *value),
            Self::Unsigned32(values) => put::<Int32Type, _>(column, &values[rows], |value| value.cast_signed()),
            Self::Unsigned64(values) => put::<Int64Type, _>(column, &values[rows], |value| value.cast_signed()),
            Self::Signed64(values) => put::<Int64Type, _>(column, &values[rows], |value| *value),
            Self::Double(values) => put::<DoubleType, _>(column, &values[rows], |value| *value),
        }
    }
}

fn put<T: DataType, V>(column: &mut SerializedColumnWriter<'_>, values: &[Option<V>], into: impl Fn(&V) -> T::T) {
    let levels: Vec<i16> = values.iter().map(|value| value.is_some().into()).collect();
    let given: Vec<T::T> = values.iter().flatten().map(into).collect();
    column.typed::<T>().write_batch(&given, Some(&levels), None).unwrap();
}

/// Writes a file with `columns` in their order.
pub(super) fn write(folder: &Path, dataset: &str, range: (u64, u64), columns: &Columns, rows_in_group: usize) {
    let path = folder.join(format!("ethereum__{dataset}__{:08}_to_{:08}.parquet", range.0, range.1));
    let fields = columns.iter().map(|(name, values)| {
        let (physical, converted) = values.types();
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        Arc::new(field.with_converted_type(converted).with_length(3).build().unwrap())
    });
    let schema = Type::group_type_builder("schema").with_fields(fields.collect()).build().unwrap();
    let properties = WriterProperties::builder().set_compression(Compression::LZ4_RAW).build();
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema.into(), properties.into()).unwrap();
    let rows = columns.first().map_or(0, |(_, values)| values.len());
    for start in (0..rows).step_by(rows_in_group) {
        let mut group = writer.next_row_group().unwrap();
        for (_, values) in columns {
            let mut column = group.next_column().unwrap().unwrap();
            values.write(start..rows.min(start + rows_in_group), &mut column);
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}
