// Tells from a sequence of events whether one of two arms causes more of them than its share. It may be
// looked at after every event, for as long as one likes. A value.
//
// A job runs in the new arm with a probability that is known: the share. Whether it does so has nothing to do
// with its outcome. So if both arms cause events at the same rate, each event comes from the new arm with the
// probability of the share, however often events happen and however that changes. If the new arm causes them
// r times as often, the probability is r·share / (r·share + 1 - share).
//
// The statistic is the likelihood ratio of these two, averaged over several r. If the new arm is no worse,
// the ratio is a supermartingale that begins at 1. By Ville's inequality it then ever reaches 1/alpha with a
// probability of at most alpha. Sources: J. Ville, Étude critique de la notion de collectif (1939); H.
// Robbins, Statistical methods related to the law of the iterated logarithm (1970), for the mixture; M.
// Lindon and A. Malek, Anytime-valid inference for multinomial count data (2022), for events of arms with a
// known share.
#pragma once

#include <array>
#include <cstdint>

namespace sluice::fleet {

class SequentialTest {
 public:
  /// `share`: of the jobs that run in the new arm, between 0 and 1. `alpha`: how probable a false alarm may
  /// be.
  SequentialTest(double share, double alpha);

  void add(bool in_new_arm);
  /// True from the event on that proved the new arm to be worse.
  bool alarms() const { return alarms_; }

 private:
  /// How many times as often. Less than the first one is not looked for: an arm that is worse by much less is
  /// never told from one that is as good.
  static constexpr std::array<double, 7> rates{1.5, 2, 3, 5, 10, 30, 100};
  using ByRate = std::array<double, rates.size()>;

  ByRate if_new_{};  // logarithms: what an event in that arm adds
  ByRate if_old_{};
  ByRate ratios_{};
  double limit_ = 0;
  bool alarms_ = false;
};

}  // namespace sluice::fleet
