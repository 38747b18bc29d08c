//! What can be seen in an image: edges, and where corners are.

use crate::color::{gray, Luma};
use crate::pixels::{Pixel, Pixels};
use crate::work::Work;
use lao_plugin::Error;

const ROWS: usize = 64;

fn gray_of<T: Luma>(image: &Pixels<T>, work: Work) -> Result<Vec<T>, Error> {
    let mut luma = vec![T::default(); image.width * image.height];
    gray(image, &mut luma, work).map(|()| luma)
}

/// Sobel's gradient at a pixel; the border pixels go on outside.
fn gradient<T: Pixel>(luma: &[T], width: usize, height: usize, row: usize, column: usize) -> (f32, f32) {
    let (up, down) = (row.saturating_sub(1) * width, (row + 1).min(height - 1) * width);
    let (left, right) = (column.saturating_sub(1), (column + 1).min(width - 1));
    let at = |row: usize, column: usize| luma[row + column].get();
    let here = row * width;
    let side = |column: usize| at(up, column) + 2.0 * at(here, column) + at(down, column);
    let line = |row: usize| at(row, left) + 2.0 * at(row, column) + at(row, right);
    (side(right) - side(left), line(down) - line(up))
}

/// Strength of the edges: the length of Sobel's gradient of the luma, white at most. Fills `to`, one channel.
pub fn edges<T: Luma>(image: &Pixels<T>, to: &mut [T], work: Work) -> Result<(), Error> {
    let (luma, width, height) = (gray_of(image, work)?, image.width, image.height);
    work.bands(
        to,
        ROWS * width,
        || (),
        |band, to, ()| {
            for (place, to) in to.chunks_exact_mut(width).enumerate() {
                for (column, to) in to.iter_mut().enumerate() {
                    let (x, y) = gradient(&luma, width, height, band * ROWS + place, column);
                    *to = T::of((x * x + y * y).sqrt().min(T::WHITE));
                }
            }
        },
    )
}

/// A corner, and how much of one it is: 1 is the strongest of the image.
#[derive(Debug, PartialEq)]
pub struct Corner {
    pub x: usize,
    pub y: usize,
    pub strength: f32,
}

/// Corners by Harris: strong gradients in both directions within 5 x 5 pixels; the strongest of its neighbourhood of
/// `distance` pixels each, the strongest first.
pub fn corners<T: Luma>(image: &Pixels<T>, most: usize, distance: usize, work: Work) -> Result<Vec<Corner>, Error> {
    let (luma, width, height) = (gray_of(image, work)?, image.width, image.height);
    let mut products = vec![[0f32; 3]; width * height];
    work.bands(
        &mut products,
        ROWS * width,
        || (),
        |band, to, ()| {
            for (at, to) in to.iter_mut().enumerate() {
                let (x, y) = gradient(&luma, width, height, band * ROWS + at / width, at % width);
                let (x, y) = (x / T::WHITE, y / T::WHITE);
                *to = [x * x, y * y, x * y];
            }
        },
    )?;
    let mut harris = vec![0f32; width * height];
    work.bands(
        &mut harris,
        ROWS * width,
        || (),
        |band, to, ()| {
            for (at, to) in to.iter_mut().enumerate() {
                let (row, column) = (band * ROWS + at / width, at % width);
                let mut sum = [0f32; 3];
                for y in row.saturating_sub(2)..height.min(row + 3) {
                    for product in &products[y * width + column.saturating_sub(2)..y * width + width.min(column + 3)] {
                        (0..3).for_each(|part| sum[part] += product[part]);
                    }
                }
                let [xx, yy, xy] = sum;
                *to = xx * yy - xy * xy - 0.05 * (xx + yy) * (xx + yy);
            }
        },
    )?;
    let strongest = harris.iter().copied().fold(0.0, f32::max);
    let least = (strongest * 0.01).max(1e-6); // what is less is noise
    let mut order: Vec<usize> = (0..harris.len()).filter(|at| harris[*at] >= least).collect();
    order.sort_by(|a, b| harris[*b].total_cmp(&harris[*a]).then(a.cmp(b)));
    let mut taken = vec![false; harris.len()];
    let mut found = Vec::new();
    for at in order {
        let (x, y) = (at % width, at / width);
        if found.len() == most {
            break;
        }
        if taken[at] {
            continue;
        }
        (work.go_on)()?;
        for row in y.saturating_sub(distance)..height.min(y + distance + 1) {
            taken[row * width + x.saturating_sub(distance)..row * width + width.min(x + distance + 1)].fill(true);
        }
        found.push(Corner { x, y, strength: harris[at] / strongest });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Threads;

    #[test]
    fn a_square_has_four_corners() {
        let threads = Threads::new(1).unwrap();
        let work = Work { threads: &threads, go_on: &|| Ok(()) };
        let data =
            (0..40 * 40)
                .map(|at| if (10..30).contains(&(at / 40)) && (12..28).contains(&(at % 40)) { 200 } else { 0u8 });
        let image = Pixels::owned(data.collect(), 40, 40, 1);
        let mut found: Vec<_> =
            corners(&image, 10, 5, work).unwrap().iter().map(|one| (one.x / 6, one.y / 6)).collect();
        found.sort_unstable();
        assert_eq!(found, [(2, 1), (2, 4), (4, 1), (4, 4)]);
        let flat = Pixels::owned(vec![9u8; 100], 10, 10, 1);
        assert_eq!(corners(&flat, 10, 5, work).unwrap(), []);
    }
}
