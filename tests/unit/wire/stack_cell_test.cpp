#include "wire/stack_cell.hpp"

#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>

namespace sluice::wire {
namespace {

TEST(StackCell, KeepsFramesInOrder) {
  const auto cell = std::make_unique<StackCell>();
  ASSERT_TRUE(cell->begin(11, 0xdead));
  cell->add(0x10, "/a.so");
  cell->add(0x20, "");
  cell->add(0x30, "/a.so");
  cell->add_unknown(0x40);
  EXPECT_FALSE(cell->read()) << "it is being written";
  cell->end();
  const auto stack = cell->read();
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->signal, 11);
  EXPECT_EQ(stack->address, 0xdeadU);
  ASSERT_THAT(stack->frames, testing::SizeIs(4));
  EXPECT_EQ(stack->frames[2].file, "/a.so");
  EXPECT_EQ(stack->frames[2].offset, 0x30U);
  EXPECT_EQ(stack->frames[1].file, "");
  EXPECT_FALSE(stack->frames[3].known);
}

TEST(StackCell, HoldsOneStackUntilItIsCleared) {
  const auto cell = std::make_unique<StackCell>();
  EXPECT_FALSE(cell->read());
  ASSERT_TRUE(cell->begin(6, 0));
  EXPECT_FALSE(cell->begin(11, 0));
  cell->end();
  EXPECT_FALSE(cell->begin(11, 0));
  cell->clear();
  EXPECT_FALSE(cell->read());
  EXPECT_TRUE(cell->begin(11, 0));
}

TEST(StackCell, CutsWhatDoesNotFit) {
  const auto cell = std::make_unique<StackCell>();
  ASSERT_TRUE(cell->begin(11, 0));
  const std::string longest(StackCell::longest_path + 100, 'x');
  for (std::size_t i = 0; i < StackCell::most_files + 5; ++i)
    cell->add(i, (std::to_string(i) + longest).c_str());
  for (std::size_t i = 0; i < StackCell::most_frames; ++i) cell->add(i, "/b.so");
  cell->end();
  const auto stack = cell->read();
  ASSERT_TRUE(stack);
  EXPECT_THAT(stack->frames, testing::SizeIs(StackCell::most_frames));
  EXPECT_THAT(stack->frames.front().file, testing::SizeIs(StackCell::longest_path));
  EXPECT_FALSE(stack->frames.back().known) << "no room for its file";
}

TEST(StackCell, MayHoldAnything) {
  std::array<unsigned char, sizeof(StackCell)> garbage{};
  garbage.fill(0xff);
  const auto cell = std::make_unique<StackCell>();
  std::memcpy(static_cast<void*>(cell.get()), garbage.data(), garbage.size());
  EXPECT_FALSE(cell->read());
  cell->clear();
  cell->end();
  const auto stack = cell->read();
  ASSERT_TRUE(stack);
  EXPECT_THAT(stack->frames, testing::SizeIs(StackCell::most_frames));
}

}  // namespace
}  // namespace sluice::wire
