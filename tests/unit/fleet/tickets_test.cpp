#include "fleet/tickets.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <map>

namespace sluice::fleet {

namespace {

using std::chrono_literals::operator""h;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A host with two types, of which the second runs at most once, and with two jobs.
class TicketsTest : public testing::Test {
 protected:
  TicketsTest() {
    types_.resize(2);
    types_[0].name = "a.repeats";
    types_[1].name = "b.once";
    tickets_.set_at_most_once({false, true});
    tickets_.set_pid(42);
  }

  static job::Job job(const std::string& id, const std::string& type) {
    job::Job job;
    job.id = id;
    job.type = type;
    job.claim = 7;
    job.payload = "{}";
    return job;
  }

  /// Sends the job, and returns its ticket.
  std::uint32_t send(const std::string& id, const std::string& type) {
    wire::FrameReader reader;
    const std::string frames = tickets_.hand_out({job(id, type)}, types_);
    std::copy(frames.begin(), frames.end(), reader.room(frames.size()));
    reader.filled(frames.size());
    const auto frame = reader.next();
    EXPECT_TRUE(frame.has_value());
    const auto orders = wire::get_jobs(frame->body);
    EXPECT_THAT(orders, SizeIs(1));
    EXPECT_EQ(orders.front().id, id);
    return orders.front().ticket;
  }

  /// A slot takes the job.
  void run(std::uint32_t ticket, std::uint32_t slot) {
    tickets_.page().slot(slot).ticket = ticket;
    tickets_.page().slot(slot).started_us =
        std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now().time_since_epoch()).count();
    set(ticket, wire::TicketState::started);
  }
  void set(std::uint32_t ticket, wire::TicketState state) { tickets_.page().ticket(ticket).state = state; }

  job::Finished judged(const std::string& type, wire::TicketState state, bool interrupted) {
    tickets_.blame_all();
    set(send("j", type), state);
    auto judged = tickets_.judge_all("was killed by signal 9", interrupted);
    EXPECT_THAT(judged, SizeIs(1));
    EXPECT_EQ(tickets_.in_flight(), 0U);
    return std::move(judged.front().finished);
  }

  std::vector<job::TypeSpec> types_;
  Tickets tickets_;
};

wire::JobResult result(std::uint32_t ticket, job::Result kind) {
  wire::JobResult result;
  result.ticket = ticket;
  result.outcome.result = kind;
  return result;
}

TEST_F(TicketsTest, AHostThatExceededALimitChargesItsStartedJobs) {
  const auto alone = send("alone", "a.repeats");
  run(alone, 0);
  send("queued", "a.repeats");
  const auto judged = tickets_.judge_all("was killed because it took 2 MB", false, "memory");
  ASSERT_THAT(judged, SizeIs(2));
  EXPECT_EQ(judged[0].finished.outcome.result, job::Result::crashed);
  EXPECT_EQ(judged[0].finished.outcome.code, "memory");
  EXPECT_EQ(judged[0].finished.outcome.error,
            "the plugin host was killed because it took 2 MB while only this job ran in it");
  EXPECT_EQ(judged[1].finished.outcome.result, job::Result::released);
}

TEST_F(TicketsTest, WithSeveralJobsAnyOfThemMayHaveExceededTheLimit) {
  for (std::uint32_t slot = 0; slot < 3; ++slot) run(send("job", "a.repeats"), slot);
  for (const Judged& one : tickets_.judge_all("was killed", false, "memory")) {
    EXPECT_EQ(one.finished.outcome.result, job::Result::released);
    EXPECT_TRUE(one.suspect);
  }
}

TEST_F(TicketsTest, IfAllAreBlamedALimitChargesEach) {
  tickets_.blame_all();
  for (std::uint32_t slot = 0; slot < 3; ++slot) run(send("job", "a.repeats"), slot);
  const auto judged = tickets_.judge_all("was killed", false, "memory");
  ASSERT_THAT(judged, SizeIs(3));
  for (const Judged& one : judged) {
    EXPECT_EQ(one.finished.outcome.code, "memory");
    EXPECT_EQ(one.finished.outcome.error, "the plugin host was killed while this job and 2 others ran in it");
  }
}

TEST_F(TicketsTest, AtAStopALimitChargesNobody) {
  run(send("j", "a.repeats"), 0);
  const auto judged = tickets_.judge_all("was killed", true, "memory");
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged[0].finished.outcome.result, job::Result::released);
}

}  // namespace

TEST_F(TicketsTest, AnOutcomeFreesTheTicketAndNamesTheProcess) {
  const std::size_t room = tickets_.room();
  const auto ticket = send("j", "a.repeats");
  EXPECT_EQ(tickets_.room(), room - 1);
  const auto finished = tickets_.take_back(result(ticket, job::Result::done));
  ASSERT_TRUE(finished.has_value());
  EXPECT_EQ(finished->job.id, "j");
  EXPECT_EQ(finished->host, 42);
  EXPECT_EQ(tickets_.room(), room);
}

TEST_F(TicketsTest, AnOutcomeForNoJobIsMalformed) {
  const auto ticket = send("j", "a.repeats");
  EXPECT_THROW(tickets_.take_back(result(ticket + 1, job::Result::done)), wire::Malformed);
  EXPECT_THROW(tickets_.take_back(result(wire::SharedPage::ticket_count, job::Result::done)),
               wire::Malformed);
  tickets_.take_back(result(ticket, job::Result::done));
  EXPECT_THROW(tickets_.take_back(result(ticket, job::Result::done)), wire::Malformed);
}

TEST_F(TicketsTest, OnlyWhatHasNotStartedIsRecalled) {
  const auto started = send("started", "a.repeats");
  set(started, wire::TicketState::started);
  const auto queued = send("queued", "a.repeats");
  const auto recalled = tickets_.recall(base::Clock::now());
  ASSERT_THAT(recalled, SizeIs(1));
  EXPECT_EQ(recalled.front().job.id, "queued");
  EXPECT_EQ(recalled.front().outcome.result, job::Result::released);
  EXPECT_EQ(tickets_.in_flight(), 2U) << "the host has yet to answer";
  EXPECT_FALSE(tickets_.take_back(result(queued, job::Result::released)).has_value());
  EXPECT_EQ(tickets_.in_flight(), 1U);
}

TEST_F(TicketsTest, WhatWasSentAfterwardsIsNotRecalled) {
  send("j", "a.repeats");
  EXPECT_THAT(tickets_.recall(base::Clock::now() - 1h), IsEmpty());
}

TEST_F(TicketsTest, AStopsCancellationReleasesTheJob) {
  const auto ticket = send("j", "a.repeats");
  tickets_.cancel_all();
  EXPECT_EQ(tickets_.page().ticket(ticket).cancel, 1);
  EXPECT_EQ(tickets_.take_back(result(ticket, job::Result::cancelled))->outcome.result,
            job::Result::released);
}

TEST_F(TicketsTest, ACancellationByHandEndsTheJobUnlessItIsDone) {
  const auto failed = send("failed", "a.repeats");
  const auto done = send("done", "a.repeats");
  EXPECT_THAT(tickets_.cancel({"failed", "done", "unknown"}), SizeIs(2));
  EXPECT_THAT(tickets_.cancel({"failed"}), IsEmpty()) << "it was asked before";
  const auto ended = tickets_.take_back(result(failed, job::Result::retry));
  EXPECT_EQ(ended->outcome.result, job::Result::cancelled);
  EXPECT_EQ(ended->outcome.code, "cancelled-by-hand");
  EXPECT_EQ(tickets_.take_back(result(done, job::Result::done))->outcome.result, job::Result::done);
}

TEST_F(TicketsTest, ACancelledJobThatHadToBeKilledSaysSo) {
  run(send("hangs", "a.repeats"), 0);
  tickets_.cancel({"hangs"});
  tickets_.threads_to_ask(base::Clock::now() + 1h);
  const bool interrupted = true;
  const auto judged = tickets_.judge_all("was killed, because a job did not stop in time", interrupted);
  ASSERT_THAT(judged, SizeIs(1));
  const job::Outcome& outcome = judged.front().finished.outcome;
  EXPECT_EQ(outcome.result, job::Result::cancelled);
  EXPECT_EQ(outcome.code, "cancelled-by-hand");
  EXPECT_EQ(
      outcome.error,
      "cancelled by hand while a runtime had it; it did not stop when it was asked to; its plugin host was "
      "killed, because a job did not stop in time");
}

TEST_F(TicketsTest, ACancelledJobIsNotBlamedForAnothersDeath) {
  run(send("cancelled", "a.repeats"), 0);
  tickets_.cancel({"cancelled"});
  const auto judged = tickets_.judge_all("was killed by signal 11", false);
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged.front().finished.outcome.result, job::Result::cancelled);
  EXPECT_EQ(judged.front().finished.outcome.error, "cancelled by hand while a runtime had it");
}

TEST_F(TicketsTest, ADeadHostsJobIsJudgedByItsTicket) {
  using wire::TicketState;
  const std::string once = "b.once";
  const std::string repeats = "a.repeats";
  EXPECT_EQ(judged(repeats, TicketState::queued, false).outcome.result, job::Result::released);
  EXPECT_EQ(judged(once, TicketState::queued, false).outcome.result, job::Result::released);
  EXPECT_EQ(judged(repeats, TicketState::done, false).outcome.result, job::Result::done);
  EXPECT_EQ(judged(repeats, TicketState::started, true).outcome.result, job::Result::released);
  EXPECT_EQ(judged(once, TicketState::started, true).outcome.result, job::Result::crashed);
  const auto started = judged(repeats, TicketState::started, false);
  EXPECT_EQ(started.outcome.result, job::Result::crashed);
  EXPECT_EQ(started.outcome.error, "the plugin host was killed by signal 9 while this job ran");
  const auto finished = judged(repeats, TicketState::finished, true);
  EXPECT_EQ(finished.outcome.result, job::Result::crashed);
  EXPECT_THAT(finished.outcome.error, HasSubstr("before its outcome was read"));
}

TEST_F(TicketsTest, AJobBeyondItsLimitIsAskedToStopOnce) {
  tickets_.set_limits({std::chrono::hours(1), std::chrono::microseconds(0)});
  const auto limited = send("limited", "a.repeats");
  const auto unlimited = send("unlimited", "b.once");
  run(limited, 0);
  run(unlimited, 1);
  const auto now = base::Clock::now();
  EXPECT_THAT(tickets_.cancel_overdue(now), IsEmpty());
  const auto asked = tickets_.cancel_overdue(now + 2h);
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked.front().id, "limited");
  EXPECT_EQ(tickets_.page().ticket(limited).cancel, 1);
  EXPECT_EQ(tickets_.page().ticket(unlimited).cancel, 0);
  EXPECT_THAT(tickets_.cancel_overdue(now + 3h), IsEmpty());
  EXPECT_EQ(tickets_.stuck(now + 1h), 0U);
  EXPECT_EQ(tickets_.stuck(now + 2h), 1U);
  EXPECT_EQ(tickets_.started(), 2U);
}

TEST_F(TicketsTest, AJobThatUsedTooMuchProcessorTimeIsAskedToStopOnceAndHasTheFigures) {
  tickets_.set_cpu_limits({std::chrono::seconds(10), std::chrono::seconds(0)});
  const auto limited = send("limited", "a.repeats");
  const auto unlimited = send("unlimited", "b.once");
  run(limited, 0);
  run(unlimited, 1);
  const auto now = base::Clock::now();
  const auto look = [&](double used) {
    return tickets_.cancel_overdrawn(now, [used](pid_t) { return std::optional(used); });
  };
  EXPECT_THAT(look(100), IsEmpty()) << "that was used by jobs before";
  EXPECT_THAT(look(110), IsEmpty());
  EXPECT_THAT(tickets_.cancel_overdrawn(now, [](pid_t) { return std::optional<double>(); }), IsEmpty());
  const auto asked = look(110.3);
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked.front().job.id, "limited");
  EXPECT_EQ(asked.front().words, "used 10.3 s of CPU, its limit is 10 s");
  EXPECT_EQ(tickets_.page().ticket(limited).cancel, 1);
  EXPECT_EQ(tickets_.page().ticket(unlimited).cancel, 0);
  EXPECT_THAT(look(112), IsEmpty()) << "it is asked once";
  EXPECT_EQ(tickets_.stuck(now), 1U);
  const auto finished = *tickets_.take_back(result(limited, job::Result::cancelled));
  EXPECT_EQ(finished.outcome.result, job::Result::crashed);
  EXPECT_EQ(finished.outcome.code, "cpu-limit");
  EXPECT_EQ(finished.outcome.error,
            "the job used 12.0 s of CPU, its limit is 10 s, and stopped when it was asked to");
}

TEST_F(TicketsTest, AnOverdueJobThatStopsOrDiesIsATimeout) {
  tickets_.set_limits({std::chrono::hours(1), std::chrono::hours(1)});
  for (const bool dies : {false, true}) {
    const auto ticket = send("j", "a.repeats");
    run(ticket, 0);
    tickets_.cancel_overdue(base::Clock::now() + 2h);
    const auto finished = dies ? tickets_.judge_all("was killed by signal 9", true).front().finished
                               : *tickets_.take_back(result(ticket, job::Result::cancelled));
    EXPECT_EQ(finished.outcome.result, job::Result::crashed);
    EXPECT_EQ(finished.outcome.code, "timeout");
    EXPECT_THAT(finished.outcome.error, HasSubstr("exceeded its time limit of 1 h"));
  }
}

TEST_F(TicketsTest, AnAttemptKeepsWhatItsJobLoggedAndItsHostPrintedLast) {
  const auto guilty = send("guilty", "a.repeats");
  tickets_.note_printed("stderr", "before it began");
  const auto printed = base::Clock::now();
  while (base::Clock::now() - printed < std::chrono::microseconds(2)) {  // starts are noted in microseconds
  }
  run(guilty, 0);
  const auto once = send("once", "b.once");
  run(once, 1);
  for (int i = 0; i < 25; ++i) tickets_.note({2, guilty, "line " + std::to_string(i), {}});
  tickets_.note({4, once, std::string(1000, 'x'), {}});
  tickets_.note({2, 999999, "of no job", {}});
  tickets_.note_printed("stderr", "free(): invalid pointer");
  tickets_.page().header().crashed_slot = 0;
  std::map<std::string, std::string> tails;
  for (const Judged& one : tickets_.judge_all("was killed by signal 6", false))
    tails[one.finished.job.id] = one.finished.outcome.log_tail;
  EXPECT_EQ(tails["guilty"].rfind("info: line 6\n", 0), 0U) << tails["guilty"];
  EXPECT_THAT(tails["guilty"], testing::EndsWith("info: line 24\nstderr: free(): invalid pointer\n"));
  EXPECT_EQ(tails["guilty"].find("before it began"), std::string::npos);
  EXPECT_EQ(tails["once"].rfind("error: xxx", 0), 0U);
  EXPECT_LT(tails["once"].size(), 600U);
}

TEST_F(TicketsTest, OnlyTheCulpritIsCharged) {
  run(send("guilty", "a.repeats"), 0);
  run(send("innocent", "a.repeats"), 1);
  run(send("innocent once", "b.once"), 2);
  tickets_.page().header().crashed_slot = 0;
  ASSERT_NE(tickets_.culprit(), nullptr);
  EXPECT_EQ(tickets_.culprit()->id, "guilty");
  std::map<std::string, job::Result> results;
  for (const Judged& one : tickets_.judge_all("was killed by signal 11", false)) {
    results[one.finished.job.id] = one.finished.outcome.result;
    EXPECT_EQ(one.suspect, one.finished.job.id != "innocent");
  }
  EXPECT_EQ(results["guilty"], job::Result::crashed);
  EXPECT_EQ(results["innocent"], job::Result::released);
  EXPECT_EQ(results["innocent once"], job::Result::crashed) << "it must not run again";
}

TEST_F(TicketsTest, WhatAHostWritesAboutACulpritIsChecked) {
  run(send("j", "a.repeats"), 0);
  for (const std::int32_t slot : {-7, 1, 255, 256, 1 << 30}) {
    tickets_.page().header().crashed_slot = slot;
    EXPECT_EQ(tickets_.culprit(), nullptr) << slot;
  }
  tickets_.page().slot(0).ticket = 1 << 20;
  tickets_.page().header().crashed_slot = 0;
  EXPECT_EQ(tickets_.culprit(), nullptr);
}

TEST_F(TicketsTest, AHostCanNotHideAJobFromItsTimeLimit) {
  tickets_.set_limits({std::chrono::hours(1), std::chrono::hours(1)});
  const auto nameless = send("no slot names it", "a.repeats");
  set(nameless, wire::TicketState::started);
  const auto young = send("always just started", "a.repeats");
  run(young, 1);
  const auto odd = send("started at an odd time", "a.repeats");
  run(odd, 2);
  tickets_.page().slot(2).started_us = std::numeric_limits<std::int64_t>::min();
  const auto now = base::Clock::now();
  EXPECT_THAT(tickets_.cancel_overdue(now), IsEmpty());
  tickets_.page().slot(1).started_us = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(tickets_.cancel_overdue(now + 2h), SizeIs(3));
  EXPECT_EQ(tickets_.stuck(now + 2h), 3U);
}

TEST_F(TicketsTest, AHostCanNotSayThatItsJobWasAskedToStop) {
  const auto ticket = send("j", "a.repeats");
  run(ticket, 0);
  tickets_.page().ticket(ticket).cancel = 1;
  EXPECT_EQ(tickets_.take_back(result(ticket, job::Result::cancelled))->outcome.result,
            job::Result::cancelled);
}

TEST_F(TicketsTest, WithoutACulpritEachStartedJobIsASuspect) {
  run(send("j", "a.repeats"), 0);
  run(send("once", "b.once"), 1);
  send("waits", "a.repeats");
  std::map<std::string, job::Result> results;
  for (const Judged& one : tickets_.judge_all("ended", false)) {
    results[one.finished.job.id] = one.finished.outcome.result;
    EXPECT_EQ(one.suspect, one.finished.job.id != "waits");
  }
  EXPECT_EQ(results["j"], job::Result::released);
  EXPECT_EQ(results["once"], job::Result::crashed) << "it must not run again";
}

TEST_F(TicketsTest, WithoutACulpritEachStartedJobIsChargedIfAllAreBlamed) {
  tickets_.blame_all();
  run(send("j", "a.repeats"), 0);
  EXPECT_EQ(tickets_.judge_all("ended", false).front().finished.outcome.result, job::Result::crashed);
}

TEST_F(TicketsTest, TheStackThatAThreadWroteIsGivenWithItsJob) {
  run(send("crashes", "a.repeats"), 0);
  run(send("innocent", "a.repeats"), 1);
  tickets_.page().header().crashed_slot = 0;
  for (const std::uint32_t slot : {0U, 1U}) {
    ASSERT_TRUE(tickets_.page().stack(slot).begin(11, 8));
    tickets_.page().stack(slot).add(0x1139, "/plugins/hello.so");
    tickets_.page().stack(slot).end();
  }
  for (const Judged& one : tickets_.judge_all("was killed by signal 11", false)) {
    EXPECT_EQ(one.stack.has_value(), one.finished.job.id == "crashes");
    if (one.stack) {
      EXPECT_EQ(one.stack->frames.front().file, "/plugins/hello.so");
    }
  }
}

TEST_F(TicketsTest, AThreadIsAskedOnceForItsStack) {
  tickets_.set_limits({std::chrono::hours(1), std::chrono::hours(1)});
  run(send("j", "a.repeats"), 3);
  tickets_.page().slot(3).thread = 77;
  const auto now = base::Clock::now();
  tickets_.cancel_overdue(now + 2h);
  EXPECT_THAT(tickets_.threads_to_ask(now + 1h), IsEmpty());
  EXPECT_THAT(tickets_.threads_to_ask(now + 2h), testing::ElementsAre(77));
  EXPECT_THAT(tickets_.threads_to_ask(now + 2h), IsEmpty());
}

TEST_F(TicketsTest, RunningJobsAreThoseThatASlotStarted) {
  const auto ticket = send("j", "a.repeats");
  send("waits", "a.repeats");
  tickets_.page().slot(0).ticket = ticket;
  tickets_.page().slot(0).started_us =
      std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now().time_since_epoch()).count();
  EXPECT_THAT(tickets_.running(base::Clock::now()), IsEmpty()) << "the slot's ticket is not started yet";
  set(ticket, wire::TicketState::started);
  const auto running = tickets_.running(base::Clock::now());
  ASSERT_THAT(running, SizeIs(1));
  EXPECT_EQ(running.front().id, "j");
  EXPECT_THAT(tickets_.running(base::Clock::now() - 1h), IsEmpty());
}

}  // namespace sluice::fleet
