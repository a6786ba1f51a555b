#include "wire/shared_page.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace sluice::wire {
namespace {

TEST(SharedPage, KeepsItsSize) {
  const SharedPage page = SharedPage::create();
  EXPECT_NE(ftruncate(page.fd(), 0), 0);
  EXPECT_NE(ftruncate(page.fd(), 1 << 30), 0);
  EXPECT_EQ(page.header().slots, SharedPage::slot_count);
}

TEST(SharedPage, IsTheSameForBothSides) {
  const SharedPage ours = SharedPage::create();
  const SharedPage theirs = SharedPage::open(base::Descriptor(dup(ours.fd())));
  theirs.ticket(7).state = TicketState::started;
  EXPECT_EQ(ours.ticket(7).state, TicketState::started);
}

}  // namespace
}  // namespace sluice::wire
