// What happens in a run, a line an event. Each event also counts towards a digest, which tells two runs
// apart. For the scheduler's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"

namespace sluice::sim {

class Trace {
 public:
  static Trace& present();

  void add(std::string_view event, const std::vector<log::Field>& fields);
  /// A rare branch was reached.
  void mark(std::string_view name);

  /// Prints each event.
  bool prints = false;
  /// Calls of the store are events, too.
  bool calls = false;
  /// No event is printed after the first whose line contains it.
  std::string until{};
  /// Told of each line that a runtime writes into its log, which is what an operator knows.
  std::function<void(std::string_view line, const std::vector<log::Field>& fields)> reader{};
  /// A path that differs from run to run, and is left out.
  std::string hidden{};

  std::uint64_t digest() const { return digest_; }
  std::uint64_t events() const { return events_; }
  const std::map<std::string, std::uint64_t, std::less<>>& marks() const { return marks_; }

 private:
  void digest(std::string_view text);
  std::string without_hidden(std::string text) const;

  std::uint64_t digest_ = 0xCBF29CE484222325U;
  std::uint64_t events_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> marks_;
};

inline void trace(std::string_view what, const std::vector<log::Field>& fields = {}) {
  Trace::present().add(what, fields);
}

}  // namespace sluice::sim
