//! The numeric parameters of one control sequence.

/// Most parameters of a control sequence, subparameters included; the parser's own bound.
pub(crate) const PARAMS_MAX: usize = 32;

/// Parameters in order; those after a `:` belong to the one before them.
pub(crate) struct Params {
    values: [u16; PARAMS_MAX],
    /// Bit `i` is set when value `i` is a subparameter.
    sub: u32,
    len: usize,
}

impl Params {
    pub(crate) fn new() -> Params {
        Params {
            values: [0; PARAMS_MAX],
            sub: 0,
            len: 0,
        }
    }

    /// Forgets all parameters.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.sub = 0;
    }

    /// Adds a parameter, or a subparameter of the last one; false when there is no room left.
    pub(crate) fn push(&mut self, value: u16, is_sub: bool) -> bool {
        let Some(slot) = self.values.get_mut(self.len) else {
            return false;
        };
        *slot = value;
        self.sub |= u32::from(is_sub) << self.len;
        self.len += 1;
        true
    }

    /// The parameter at `index`, where absent and zero both mean `default`.
    pub(crate) fn or(&self, index: usize, default: usize) -> usize {
        match self.groups().nth(index) {
            Some([value, ..]) if *value != 0 => usize::from(*value),
            _ => default,
        }
    }

    /// The first parameter, 0 when absent.
    pub(crate) fn first(&self) -> u16 {
        if self.len == 0 { 0 } else { self.values[0] }
    }

    /// Each parameter together with its subparameters.
    pub(crate) fn groups(&self) -> Groups<'_> {
        Groups {
            params: self,
            at: 0,
        }
    }
}

impl From<&vte::Params> for Params {
    fn from(params: &vte::Params) -> Params {
        let mut own = Params::new();
        for group in params {
            for (index, value) in group.iter().enumerate() {
                own.push(*value, index != 0);
            }
        }
        own
    }
}

/// Iterator over parameters with their subparameters; every slice has at least one value.
pub(crate) struct Groups<'a> {
    params: &'a Params,
    at: usize,
}

impl<'a> Iterator for Groups<'a> {
    type Item = &'a [u16];

    fn next(&mut self) -> Option<&'a [u16]> {
        let start = self.at;
        if start >= self.params.len {
            return None;
        }
        self.at += 1;
        while self.at < self.params.len && self.params.sub >> self.at & 1 == 1 {
            self.at += 1;
        }
        Some(&self.params.values[start..self.at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subparameters_stay_with_their_parameter_and_the_33rd_value_is_refused() {
        let mut params = Params::new();
        for (value, is_sub) in [(4, false), (3, true), (38, false), (2, true), (7, true)] {
            assert!(params.push(value, is_sub));
        }
        let groups: Vec<&[u16]> = params.groups().collect();
        assert_eq!(groups, [&[4, 3][..], &[38, 2, 7]]);
        assert_eq!(
            (params.or(1, 1), params.or(2, 9), params.first()),
            (38, 9, 4)
        );
        for _ in 5..PARAMS_MAX {
            assert!(params.push(1, false));
        }
        assert!(!params.push(1, false));
    }
}
