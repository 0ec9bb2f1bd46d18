//! `archive get`: writes an archived auction to a file or to standard output.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use archive_sink::{ArchiveReader, ReadError};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::arguments::GetArguments;
use super::shelf::Shelf;
use crate::exit::{Failure, printed};
use crate::output_file::OutputFile;

pub(super) async fn run(arguments: &GetArguments) -> Result<ExitCode, Failure> {
    let GetArguments {
        location, output, ..
    } = arguments;
    let (shelf, name) = Shelf::around(location)?;
    let shelf = shelf.limited(arguments.max_size)?;
    let reader = shelf.open_object(&name, arguments.stored).await?;
    if output == Path::new("-") {
        printed(copy(reader, &mut tokio::io::stdout(), location).await?)?;
    } else {
        let file = OutputFile::open(output, "--output".to_owned())?;
        let writer = file.file().try_clone();
        let writer = writer.map_err(Failure::of(output.display()))?;
        let mut writer = tokio::fs::File::from_std(writer);
        file.finish(copy(reader, &mut writer, location).await?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies to the end, where the document proves to be good. Returns what became of writing, or a failure to read.
async fn copy(
    mut reader: ArchiveReader,
    output: &mut (impl AsyncWrite + Unpin),
    shown: &str,
) -> Result<io::Result<()>, Failure> {
    let copied = tokio::io::copy_buf(&mut reader, output).await;
    match copied {
        Err(error) if error.get_ref().is_some_and(|inner| inner.is::<ReadError>()) => Err(
            Failure::of(format!("{shown}: what was read is not whole"))(error),
        ),
        Err(error) => Ok(Err(error)),
        Ok(_bytes) => Ok(output.flush().await),
    }
}
