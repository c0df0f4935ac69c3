//! How often the growth rule is wrong, and how little it sees.
mod models;
use leakgate_stats::*;
use models::*;

const LOOKS: [usize; 4] = [31, 62, 124, 200];
fn main() {
    let seed: u64 = std::env::args()
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(1);
    let n: u64 = std::env::args()
        .nth(2)
        .and_then(|s| s.parse().ok())
        .unwrap_or(2000);
    let rule = GrowthRule {
        limit: 0,
        alpha: 2.5e-4,
    };
    let noises: Vec<(String, Noise)> = vec![
        ("white 0".into(), Noise::White(0.)),
        ("white 100".into(), Noise::White(100.)),
        ("white 1024".into(), Noise::White(1024.)),
        ("uniform 200".into(), Noise::Uniform(200)),
        ("ar .5".into(), Noise::Autoregressive(0.5)),
        ("ar .9".into(), Noise::Autoregressive(0.9)),
        ("ar .97".into(), Noise::Autoregressive(0.97)),
        ("walk".into(), Noise::Walk),
        ("t2".into(), Noise::HeavyTailed),
        ("saw3".into(), Noise::Sawtooth(3)),
        ("saw5".into(), Noise::Sawtooth(5)),
        ("saw8".into(), Noise::Sawtooth(8)),
        ("saw13".into(), Noise::Sawtooth(13)),
        ("step1".into(), Noise::Steps(1, 0.)),
        ("step2".into(), Noise::Steps(2, 0.)),
        ("step3".into(), Noise::Steps(3, 0.)),
        ("step3n".into(), Noise::Steps(3, 100.)),
        ("exp0".into(), Noise::Exponential(0.)),
        ("exp100".into(), Noise::Exponential(100.)),
        ("exp1024".into(), Noise::Exponential(1024.)),
        ("log0".into(), Noise::Logarithmic(0.)),
        ("log100".into(), Noise::Logarithmic(100.)),
        ("log1024".into(), Noise::Logarithmic(1024.)),
        ("fill".into(), Noise::Fill),
        ("coupons".into(), Noise::Coupons),
        ("freelist".into(), Noise::FreeList),
    ];
    println!("noise: per look leak/unclear %, sequential leak / unclear at end");
    for (name, noise) in &noises {
        row(name, *noise, 0, Schedule::Steady, seed, n, &rule);
    }
    for (nn, noise) in [
        ("w0", Noise::White(0.)),
        ("w100", Noise::White(100.)),
        ("u200", Noise::Uniform(200)),
        ("w200", Noise::White(200.)),
        ("w1024", Noise::White(1024.)),
    ] {
        for (sn, sch) in [
            ("steady", Schedule::Steady),
            ("every5", Schedule::Every(5)),
            ("coin", Schedule::Coin),
        ] {
            for leak in [1, 16, 64, 256, 1024] {
                if std::env::var("FULL").is_err() && !(leak == 16 || leak == 256) {
                    continue;
                }
                row(
                    &format!("{nn} {sn} {leak}"),
                    noise,
                    leak,
                    sch,
                    seed,
                    n / 4,
                    &rule,
                );
            }
        }
    }
    row(
        "w200 16",
        Noise::White(200.),
        16,
        Schedule::Steady,
        seed,
        n,
        &rule,
    );
    for k in 2..=10 {
        row(
            &format!("w0 every{k}"),
            Noise::White(0.),
            64,
            Schedule::Every(k),
            seed,
            20,
            &rule,
        );
    }
}
fn row(name: &str, noise: Noise, leak: i64, sch: Schedule, seed: u64, n: u64, rule: &GrowthRule) {
    if let Ok(only) = std::env::var("ONLY") {
        if !only.split(',').any(|o| o == name) {
            return;
        }
    }
    let mut per = [[0u64; 2]; 5];
    let looks = [11, 31, 62, 124, 200];
    let (mut sl, mut su) = (0, 0);
    let positions: Vec<u32> = (0..=200).collect();
    for i in 0..n {
        let levels = series(noise, leak, sch, &mut Random::new(seed, i));
        let mut shapes = [Shape::Flat; 5];
        for (j, &c) in looks.iter().enumerate() {
            shapes[j] = growth(&positions[..=c], &levels[..=c], rule).unwrap().shape;
            if shapes[j] == Shape::Leak {
                per[j][0] += 1
            }
            if shapes[j] == Shape::Unclear {
                per[j][1] += 1
            }
        }
        let _ = LOOKS;
        let end = shapes[1..].iter().find(|s| **s != Shape::Unclear);
        match end {
            Some(Shape::Leak) => sl += 1,
            None => su += 1,
            _ => {}
        }
    }
    let p = |k: u64| 100.0 * k as f64 / n as f64;
    let cells: Vec<String> = per
        .iter()
        .map(|c| format!("{:6.2}/{:6.2}", p(c[0]), p(c[1])))
        .collect();
    println!(
        "{name:18} {}   seq {:7.3} / {:7.3}",
        cells.join("  "),
        p(sl),
        p(su)
    );
}
