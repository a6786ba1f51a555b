#include "wire/progress_cell.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <thread>

namespace sluice::wire {
namespace {

/// A cell in zeroed memory, as in the shared page.
struct Cell {
  alignas(ProgressCell) std::array<char, sizeof(ProgressCell)> memory{};
  ProgressCell& operator*() { return *reinterpret_cast<ProgressCell*>(memory.data()); }
  ProgressCell* operator->() { return &**this; }
};

TEST(ProgressCell, KeepsOnlyTheLastReportOfItsJob) {
  Cell cell;
  EXPECT_FALSE(cell->read(0));
  cell->write(0, 0.25, "a first note, longer than the next");
  cell->write(0, 0.5, "half 😀");
  ASSERT_TRUE(cell->read(0));
  EXPECT_EQ(cell->read(0)->fraction, 0.5);
  EXPECT_EQ(cell->read(0)->note, "half 😀");
  EXPECT_FALSE(cell->read(1)) << "the cell belongs to another job";
  cell->clear();
  EXPECT_FALSE(cell->read(0));
}

TEST(ProgressCell, TruncatesALongNote) {
  Cell cell;
  cell->write(7, 1, std::string(1000, 'x'));
  EXPECT_EQ(cell->read(7)->note, std::string(ProgressCell::longest_note, 'x'));
}

TEST(ProgressCell, ReadsAnyMemorySafely) {
  Cell cell;
  cell->write(1, 0.5, "note");
  std::memset(cell.memory.data() + 2 * sizeof(std::uint64_t), 0xFF,
              cell.memory.size() - 2 * sizeof(std::uint64_t));
  const auto progress = cell->read(1);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->fraction, 0);
  EXPECT_EQ(progress->note.substr(0, 3), "\xEF\xBF\xBD") << "invalid UTF-8 is replaced";
  std::memset(cell.memory.data(), 0xFF, cell.memory.size());
  EXPECT_FALSE(cell->read(1)) << "its writer died while writing";
}

TEST(ProgressCell, IsNeverReadHalfWritten) {
  Cell cell;
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); i = (i + 1) % 10) {
      cell->write(3, i / 10.0, std::string(200, static_cast<char>('0' + i)));
    }
  });
  for (int reads = 0; reads < 2000;) {
    const auto progress = cell->read(3);
    if (!progress) continue;
    ++reads;
    const char digit = static_cast<char>('0' + std::lround(progress->fraction * 10));
    ASSERT_EQ(progress->note, std::string(200, digit));
  }
}

}  // namespace
}  // namespace sluice::wire
