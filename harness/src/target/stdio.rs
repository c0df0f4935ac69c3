//! The standard input and output of a target that is driven over them: pipes, handed to it through its supervisor.

use std::io::{self, IoSlice, IoSliceMut, PipeReader, PipeWriter, pipe};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::net::unix::pipe::{Receiver, Sender};

/// Standard input and output: what is ever handed over.
const DESCRIPTORS: usize = 2;

/// leakgate's ends of the pipes; the target sees the end of its input when this and every stream of it is gone.
#[derive(Debug)]
pub(super) struct Stdio {
    input: Option<PipeWriter>,
    output: PipeReader,
}

/// The target's ends, on their way to it.
pub(super) struct Ends {
    /// Its standard input.
    pub(super) input: OwnedFd,
    /// Its standard output.
    pub(super) output: OwnedFd,
}

impl Stdio {
    /// New pipes: both ends are closed when a program is started, unless they are handed to it.
    pub(super) fn new() -> io::Result<(Self, Ends)> {
        let (theirs_in, input) = pipe()?;
        let (output, theirs_out) = pipe()?;
        let ends = Ends {
            input: theirs_in.into(),
            output: theirs_out.into(),
        };
        let pipes = Self {
            input: Some(input),
            output,
        };
        Ok((pipes, ends))
    }

    /// What the target says, and where it listens.
    pub(super) fn streams(&self) -> io::Result<(Receiver, Sender)> {
        let output = Receiver::from_owned_fd(self.output.try_clone()?.into())?;
        let input = self.input.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        let input = Sender::from_owned_fd(input.try_clone()?.into())?;
        Ok((output, input))
    }

    /// Ends its input, once every stream of it is gone too.
    pub(super) fn end_input(&mut self) {
        self.input = None;
    }
}

/// The first byte to a supervisor: it carries the target's ends, when there are any.
pub(super) fn hand_over(control: &UnixStream, ends: Option<&Ends>) -> io::Result<()> {
    let descriptors: Vec<BorrowedFd<'_>> = ends
        .into_iter()
        .flat_map(|ends| [ends.input.as_fd(), ends.output.as_fd()])
        .collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    sendmsg(
        control,
        &[IoSlice::new(b"\n")],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Waits for that first byte; nothing when leakgate has gone or hands over nothing.
pub(super) fn take_over(control: &UnixStream) -> io::Result<Option<Ends>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut first = [0];
    recvmsg(
        control,
        &mut [IoSliceMut::new(&mut first)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut taken = ancillary.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    Ok(match (taken.next(), taken.next()) {
        (Some(input), Some(output)) => Some(Ends { input, output }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn what_is_handed_over_is_the_other_end_and_closes_with_it() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (stdio, ends) = Stdio::new().unwrap();
        hand_over(&ours, Some(&ends)).unwrap();
        drop(ends);
        let ends = take_over(&theirs).unwrap().expect("two descriptors");
        PipeWriter::from(ends.output).write_all(b"said").unwrap();
        let mut said = String::new();
        (&stdio.output).read_to_string(&mut said).unwrap();
        assert_eq!(said, "said");
        drop(stdio);
        let mut heard = Vec::new();
        PipeReader::from(ends.input)
            .read_to_end(&mut heard)
            .unwrap();
        assert_eq!(heard, [0; 0]);
    }

    #[test]
    fn nothing_is_handed_over_to_a_target_with_a_socket_or_by_one_that_has_gone() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        hand_over(&ours, None).unwrap();
        assert!(take_over(&theirs).unwrap().is_none());
        drop(ours);
        assert!(take_over(&theirs).unwrap().is_none());
    }
}
