#include "wire/progress_cell.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/text.hpp"

namespace sluice::wire {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto release = std::memory_order_release;
constexpr auto acquire = std::memory_order_acquire;

}  // namespace

/// Release stores and acquire loads are used throughout instead of fences, because the thread sanitizer can't
/// follow fences.
void ProgressCell::write(std::uint32_t ticket, double fraction, std::string_view note) {
  const std::uint64_t version = version_.load(relaxed) | 1;
  version_.store(version, release);
  const std::size_t length = std::min(note.size(), longest_note);
  ticket_.store(std::uint64_t{ticket} + 1, release);
  fraction_.store(std::bit_cast<std::uint64_t>(fraction), release);
  length_.store(length, release);
  for (std::size_t at = 0; at < length; at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, note.data() + at, std::min(sizeof word, length - at));
    note_[at / sizeof word].store(word, release);
  }
  version_.store(version + 1, release);
}

void ProgressCell::clear() {
  const std::uint64_t version = version_.load(relaxed) | 1;
  version_.store(version, release);
  ticket_.store(0, release);
  version_.store(version + 1, release);
}

/// The other side may be hostile, so nothing that is read here is trusted.
std::optional<ProgressCell::Word> ProgressCell::read(std::uint32_t ticket) const {
  const std::uint64_t version = version_.load(acquire);
  if (version % 2 != 0 || ticket_.load(acquire) != std::uint64_t{ticket} + 1) return std::nullopt;
  Word progress;
  const auto fraction = std::bit_cast<double>(fraction_.load(acquire));
  progress.fraction = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  std::array<char, longest_note> note{};
  const std::size_t length = std::min<std::size_t>(length_.load(acquire), longest_note);
  for (std::size_t at = 0; at < length; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = note_[at / sizeof word].load(acquire);
    std::memcpy(note.data() + at, &word, sizeof word);
  }
  if (version_.load(relaxed) != version) return std::nullopt;
  progress.note = base::valid_utf8({note.data(), length});
  return progress;
}

}  // namespace sluice::wire
