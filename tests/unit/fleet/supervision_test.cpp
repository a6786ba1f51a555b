#include "fleet/supervision.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace sluice::fleet {
namespace {

constexpr std::initializer_list<Standing> all{Standing::loading, Standing::described, Standing::starting,
                                              Standing::trial,   Standing::serving,   Standing::given_up,
                                              Standing::retired};

TEST(Supervision, EditionsGivenUpOrRetiredDoNotChange) {
  for (const Standing standing : {Standing::given_up, Standing::retired}) {
    for (const HostEvent event :
         {HostEvent::described, HostEvent::refused, HostEvent::ready, HostEvent::died}) {
      EXPECT_EQ(action_for(standing, event), Action::ignore);
    }
  }
}

TEST(Supervision, OnlyAServingEditionsHostsAreRestarted) {
  for (const Standing standing : all) {
    EXPECT_EQ(action_for(standing, HostEvent::died) == Action::restart, standing == Standing::serving);
  }
}

TEST(Supervision, ACandidateIsRefusedIfItsHostDiesForAnyReason) {
  for (const Standing standing :
       {Standing::loading, Standing::described, Standing::starting, Standing::trial}) {
    EXPECT_EQ(action_for(standing, HostEvent::died), Action::refuse);
  }
}

TEST(Supervision, OnlyAStartedHostServes) {
  for (const Standing standing : all) {
    const bool started =
        standing == Standing::starting || standing == Standing::trial || standing == Standing::serving;
    EXPECT_EQ(action_for(standing, HostEvent::ready) == Action::serve, started);
  }
}

TEST(Supervision, ADeclarationIsStoredOnceAndThenCompared) {
  EXPECT_EQ(action_for(Standing::loading, HostEvent::described), Action::learn);
  for (const Standing standing :
       {Standing::described, Standing::starting, Standing::trial, Standing::serving}) {
    EXPECT_EQ(action_for(standing, HostEvent::described), Action::compare);
  }
}

}  // namespace
}  // namespace sluice::fleet
