//! `archive get`: an archived auction as a file, or on standard output.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use archive_sink::{ArchiveReader, ReadError};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::arguments::GetArguments;
use super::shelf::Shelf;
use crate::exit::{Failure, printed};
use crate::report::ReportFile;

pub(super) async fn run(arguments: &GetArguments) -> Result<ExitCode, Failure> {
    let (shelf, name) = Shelf::around(&arguments.location)?;
    let shelf = shelf.limited(arguments.max_size)?;
    let reader = shelf.open_object(&name, arguments.stored).await?;
    if arguments.output == Path::new("-") {
        let copied = copy(reader, &mut tokio::io::stdout(), &arguments.location).await?;
        printed(copied)?;
    } else {
        write_file(reader, arguments).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The file appears when all of it is there, and lasts from then on. What was there is replaced by then, in one step.
async fn write_file(reader: ArchiveReader, arguments: &GetArguments) -> Result<(), Failure> {
    let what = format!("{}: cannot be written", arguments.output.display());
    let created = ReportFile::create(&arguments.output);
    let (target, temporary) = created.map_err(Failure::input(&what))?;
    let file = temporary.as_file().try_clone();
    let mut file = tokio::fs::File::from_std(file.map_err(Failure::of(&what))?);
    let copied = copy(reader, &mut file, &arguments.location).await?;
    let persisted = async {
        copied?;
        file.sync_all().await?;
        temporary.persist(&target)?;
        let folder = target.parent().filter(|path| !path.as_os_str().is_empty());
        if cfg!(unix) {
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok::<_, io::Error>(())
    };
    persisted.await.map_err(Failure::of(&what))
}

/// Copies to the end, which is where the document proves to be good.
///
/// # Errors
/// When the object cannot be read to its end, a failure; when the output cannot be written, that.
async fn copy(
    mut reader: ArchiveReader,
    output: &mut (impl AsyncWrite + Unpin),
    shown: &str,
) -> Result<io::Result<()>, Failure> {
    let copied = tokio::io::copy_buf(&mut reader, output).await;
    match copied {
        Err(error) if error.get_ref().is_some_and(|inner| inner.is::<ReadError>()) => Err(
            Failure::of(format!("{shown}: what was read of it is not whole"))(error),
        ),
        Err(error) => Ok(Err(error)),
        Ok(_bytes) => Ok(output.flush().await),
    }
}
