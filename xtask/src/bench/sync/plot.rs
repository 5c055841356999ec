//! Cost against size, as a picture for docs/benchmarks.md.

use testkit::mail::Plan;
use testkit::{Context, Result};

use super::peers::Mbsync;
use super::{Bench, Figure, HOST, Series};
use crate::programs::workspace;

const SIZES: [(&str, usize); 3] = [("plot-1k", 1000), ("plot-10k", 10_000), ("hundred", 100_000)];
const ROUNDS: usize = 3;

pub(super) fn sizes(bench: &mut Bench) -> Result<Vec<Figure>> {
    let mut first = [Curve::new("raw drain"), Curve::new("restante"), Curve::new("mbsync")];
    let mut again = [Curve::new("restante"), Curve::new("mbsync")];
    for (name, count) in SIZES {
        let user = if name == "hundred" {
            bench.hundred()?
        } else {
            bench.mailbox(name, |user| Plan::inbox(user, count).mean_bytes(3 * 1024))?
        };
        let mut series = ["drain", "restante", "mbsync", "restante again", "mbsync again"].map(Series::new);
        let [drain, restante, mbsync, restante_again, mbsync_again] = &mut series;
        for _ in 0..if count > 10_000 { 1 } else { ROUNDS } {
            drain.costs.push(bench.drain(&user, HOST, 993)?);
            restante.costs.push(bench.first_sync(&user, count as u64, name)?.cost);
            let folder = bench.folder("mbsync");
            mbsync.costs.push(bench.mbsync(Mbsync::Tuned, &user, HOST, 993, &folder)?);
            let data = bench.kept(&user, count as u64, name)?;
            for _ in 0..ROUNDS {
                restante_again.costs.push(bench.sync(&data)?.cost);
                mbsync_again.costs.push(bench.mbsync(Mbsync::Tuned, &user, HOST, 993, &folder)?);
            }
            std::fs::remove_dir_all(folder)?;
        }
        for (curve, series) in first.iter_mut().zip([&*drain, &*restante, &*mbsync]) {
            curve.points.push((count as f64, series.seconds()));
        }
        for (curve, series) in again.iter_mut().zip([&*restante_again, &*mbsync_again]) {
            curve.points.push((count as f64, series.seconds()));
        }
    }
    show("first sync, searchable", &first);
    show("nothing changed", &again);
    let path = workspace().join("docs/benchmarks.svg");
    let picture = draw(&[("first sync, searchable", &first), ("nothing changed", &again)]);
    std::fs::write(&path, picture).context(|| path.display().to_string())?;
    println!("\ndrawn in docs/benchmarks.svg");
    // A picture, no promise.
    Ok(Vec::new())
}

struct Curve {
    name: &'static str,
    /// Messages and seconds.
    points: Vec<(f64, f64)>,
}

impl Curve {
    fn new(name: &'static str) -> Self {
        Self { name, points: Vec::new() }
    }
}

fn show(title: &str, curves: &[Curve]) {
    println!("\n| {title}, s | 1,000 | 10,000 | 100,000 |\n| --- | --- | --- | --- |");
    for curve in curves {
        let cells: Vec<String> = curve.points.iter().map(|(_, seconds)| format!("{seconds:.2}")).collect();
        println!("| {} | {} |", curve.name, cells.join(" | "));
    }
}

/// Width and height of one chart, and the room around it for words.
const WIDTH: f64 = 250.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
/// From one line of words to the next.
const LINE: f64 = 14.0;
const STRIDE: f64 = WIDTH + LEFT + 90.0;
/// Decades shown: 1,000 to 100,000 messages, 10 ms to 1,000 s.
const MESSAGES: (f64, f64) = (3.0, 5.0);
const SECONDS: (f64, f64) = (-2.0, 3.0);

/// Charts side by side, both axes logarithmic. The colours of lines can be told on white and on black, and words take
/// the reader's own.
fn draw(charts: &[(&str, &[Curve])]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <style>text {{ fill: #24292f }} .grid {{ stroke: #8888; stroke-width: 0.5 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} }}</style>\n",
        STRIDE * charts.len() as f64,
        HEIGHT + TOP + 50.0
    );
    for (at, (title, curves)) in charts.iter().enumerate() {
        let left = LEFT + STRIDE * at as f64;
        let x = |messages: f64| left + place(messages, MESSAGES) * WIDTH;
        let y = |seconds: f64| TOP + (1.0 - place(seconds, SECONDS)) * HEIGHT;
        svg.push_str(&text(
            left + WIDTH / 2.0,
            TOP - 16.0,
            "middle",
            &format!("{title}: seconds, by messages"),
        ));
        for (words, seconds) in [
            ("10 ms", 0.01),
            ("0.1 s", 0.1),
            ("1 s", 1.0),
            ("10 s", 10.0),
            ("100 s", 100.0),
            ("1000 s", 1000.0),
        ] {
            svg.push_str(&line(left, y(seconds), left + WIDTH, y(seconds)));
            svg.push_str(&text(left - 6.0, y(seconds) + 4.0, "end", words));
        }
        for (words, messages) in [("1,000", 1e3), ("10,000", 1e4), ("100,000", 1e5)] {
            svg.push_str(&line(x(messages), TOP, x(messages), TOP + HEIGHT));
            svg.push_str(&text(x(messages), TOP + HEIGHT + 18.0, "middle", words));
        }
        let ends =
            curves.iter().filter_map(|curve| curve.points.last()).map(|(_, seconds)| y(*seconds) + 4.0);
        let mut words = spread(ends.collect()).into_iter();
        for curve in *curves {
            let colour = match curve.name {
                "restante" => "#d9480f",
                "mbsync" => "#1c7ed6",
                _ => "#868e96",
            };
            let points: Vec<String> =
                curve.points.iter().map(|(m, s)| format!("{:.1},{:.1}", x(*m), y(*s))).collect();
            svg.push_str(&format!(
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>\n",
                points.join(" ")
            ));
            for (messages, seconds) in &curve.points {
                svg.push_str(&format!(
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>\n",
                    x(*messages),
                    y(*seconds)
                ));
            }
            if let (Some((messages, _)), Some(at)) = (curve.points.last(), words.next()) {
                svg.push_str(&text(x(*messages) + 8.0, at, "start", curve.name));
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Heights for words, none nearer to another than a line is high: the lower of two gives way.
fn spread(heights: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].total_cmp(&heights[*b]));
    let mut placed = heights;
    for pair in order.windows(2) {
        placed[pair[1]] = placed[pair[1]].max(placed[pair[0]] + LINE);
    }
    placed
}

/// Where a value lies between two powers of ten, from 0 to 1.
fn place(value: f64, (low, high): (f64, f64)) -> f64 {
    ((value.log10() - low) / (high - low)).clamp(0.0, 1.0)
}

fn line(x1: f64, y1: f64, x2: f64, y2: f64) -> String {
    format!("<line class=\"grid\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n")
}

fn text(x: f64, y: f64, anchor: &str, words: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_curve_is_where_its_figures_are() {
        let curve = Curve { name: "restante", points: vec![(1e3, 0.01), (1e5, 1000.0)] };
        let svg = draw(&[("a", &[curve])]);
        assert!(svg.contains("points=\"60.0,260.0 310.0,40.0\""), "{svg}");
        assert!(svg.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn words_do_not_stand_on_each_other() {
        assert_eq!(spread(vec![100.0, 98.0, 200.0]), [112.0, 98.0, 200.0]);
        assert_eq!(spread(vec![1.0, 1.0, 2.0]), [1.0, 15.0, 29.0]);
    }
}
