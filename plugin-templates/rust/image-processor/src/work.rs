//! Long work in bands: on all threads that the limits allow, with a look in between whether anybody still wants it.

use lao_plugin::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The threads of an instance. The calling thread works too.
pub struct Threads {
    pool: Option<rayon::ThreadPool>,
    count: usize,
}

impl Threads {
    pub fn new(count: usize) -> Result<Threads, Error> {
        let pool = if count > 1 { Some(rayon::ThreadPoolBuilder::new().num_threads(count - 1).build()?) } else { None };
        Ok(Threads { pool, count })
    }
    pub fn count(&self) -> usize {
        self.count
    }
}

/// What a piece of work needs to know of its call.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    pub threads: &'a Threads,
    /// An error once nobody waits for the answer.
    pub go_on: &'a dyn Fn() -> Result<(), Error>,
}

impl Work<'_> {
    /// Cuts `all` into bands of `length` and has `each` fill them. `scratch` makes the memory that a thread works in.
    pub fn bands<T: Send, S>(
        &self,
        all: &mut [T],
        length: usize,
        scratch: impl Fn() -> S + Sync,
        each: impl Fn(usize, &mut [T], &mut S) + Sync,
    ) -> Result<(), Error> {
        let count = all.len().div_ceil(length.max(1));
        let bands = Mutex::new(all.chunks_mut(length.max(1)).enumerate());
        let next = || bands.lock().unwrap_or_else(PoisonError::into_inner).next();
        let stopped = AtomicBool::new(false);
        let help = || {
            let mut memory = scratch();
            while let Some((at, band)) = next().filter(|_| !stopped.load(Ordering::Relaxed)) {
                each(at, band, &mut memory);
            }
        };
        let lead = || {
            let mut memory = scratch();
            loop {
                // Also where the helpers are quick enough to do all of it.
                (self.go_on)().inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
                let Some((at, band)) = next() else { return Ok(()) };
                each(at, band, &mut memory);
            }
        };
        match &self.threads.pool {
            Some(pool) if count > 1 => pool.in_place_scope(|scope| {
                for _ in 1..self.threads.count.min(count) {
                    scope.spawn(|_| help());
                }
                lead()
            }),
            _ => lead(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_band_once() {
        for count in [1, 3] {
            let threads = Threads::new(count).unwrap();
            let work = Work { threads: &threads, go_on: &|| Ok(()) };
            let mut all = vec![0; 1000];
            work.bands(&mut all, 7, || (), |at, band, ()| band.iter_mut().for_each(|one| *one += at)).unwrap();
            assert!(all.iter().enumerate().all(|(place, found)| *found == place / 7));
            let stopped = Work { threads: &threads, go_on: &|| Err(Error::failed("stopped")) };
            assert!(stopped.bands(&mut all, 7, || (), |_, _, ()| ()).is_err());
        }
    }
}
