#include "wire/frame.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include <cstring>

#include "wire/bounds.hpp"

namespace sluice::wire {
namespace {

/// Feeds `bytes` to a reader in pieces of `piece` bytes. Returns the kinds of the frames.
std::vector<Kind> kinds(const std::string& bytes, std::size_t piece) {
  FrameReader reader;
  std::vector<Kind> found;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::size_t size = std::min(piece, bytes.size() - at);
    std::memcpy(reader.room(size), bytes.data() + at, size);
    reader.filled(size);
    while (const auto frame = reader.next()) found.push_back(frame->kind);
  }
  return found;
}

std::string body(const std::string& frame) {
  return frame.substr(sizeof(std::uint32_t) + 1);
}

TEST(FrameReader, ReadsAStreamInAnyPieces) {
  std::string bytes;
  put_load(bytes, {"/a/b.so"});
  put_ready(bytes);
  put_refused(bytes, std::string(10'000, 'x'));
  for (const std::size_t piece : {1U, 2U, 7U, 100U, 100'000U}) {
    EXPECT_EQ(kinds(bytes, piece), (std::vector{Kind::load, Kind::ready, Kind::refused})) << piece;
  }
}

TEST(FrameReader, RefusesImpossibleLengths) {
  EXPECT_THROW(kinds(std::string(5, '\0'), 5), Malformed);
  EXPECT_THROW(kinds(std::string(5, '\xff'), 5), Malformed);
}

TEST(FrameReader, RefusesFramesOverItsLimit) {
  FrameReader reader(1000);
  const std::uint32_t length = 1001;
  std::memcpy(reader.room(sizeof length), &length, sizeof length);
  reader.filled(sizeof length);
  EXPECT_THROW(reader.next(), Malformed);
}

TEST(Frame, JobsArriveUnchanged) {
  const std::string payload(1 << 20, 'p');
  std::string bytes;
  put_jobs(bytes, {{1, 2, 3, 4, 5, 6, "id \"'{}\\ 😀", payload}, {7, 0, 1, 1, -1, 0, "", "{}"}});
  const std::string content = body(bytes);
  const auto orders = get_jobs(content);
  ASSERT_EQ(orders.size(), 2U);
  EXPECT_EQ(orders[0].ticket, 1U);
  EXPECT_EQ(orders[0].type_index, 2U);
  EXPECT_EQ(orders[0].attempt, 3U);
  EXPECT_EQ(orders[0].max_attempts, 4U);
  EXPECT_EQ(orders[0].created_at_us, 5);
  EXPECT_EQ(orders[0].limit_us, 6);
  EXPECT_EQ(orders[0].id, "id \"'{}\\ 😀");
  EXPECT_EQ(orders[0].payload, payload);
  EXPECT_EQ(orders[1].created_at_us, -1);
}

TEST(Frame, OutcomesArriveUnchanged) {
  job::Outcome outcome;
  outcome.result = job::Result::snooze;
  outcome.delay = job::Microseconds(0);
  outcome.duration = job::Microseconds(12);
  outcome.code = "c";
  outcome.error = "e";
  outcome.output = "o";
  outcome.log_tail = "l";
  std::string bytes;
  put_outcome(bytes, 9, outcome);
  const JobResult result = get_outcome(body(bytes));
  EXPECT_EQ(result.ticket, 9U);
  EXPECT_EQ(result.outcome.result, job::Result::snooze);
  EXPECT_EQ(result.outcome.delay, job::Microseconds(0));
  EXPECT_EQ(result.outcome.duration, job::Microseconds(12));
  EXPECT_EQ(result.outcome.code + result.outcome.error + result.outcome.output + result.outcome.log_tail,
            "ceol");
}

TEST(Frame, DescriptionsArriveUnchanged) {
  job::PluginSpec spec;
  spec.name = "n";
  spec.abi_major = 1;
  spec.types.resize(2);
  spec.types[1].name = "t";
  spec.types[1].backoff_cap = std::chrono::hours(1);
  spec.types[1].at_most_once = true;
  spec.types[0].brief = true;
  std::string bytes;
  put_described(bytes, spec);
  const job::PluginSpec got = get_described(body(bytes));
  EXPECT_EQ(got.name, "n");
  EXPECT_EQ(got.abi_major, 1);
  ASSERT_EQ(got.types.size(), 2U);
  EXPECT_EQ(got.types[1].name, "t");
  EXPECT_EQ(got.types[1].backoff_cap, std::chrono::hours(1));
  EXPECT_TRUE(got.types[1].at_most_once);
  EXPECT_TRUE(got.types[0].brief);
  EXPECT_FALSE(got.types[1].brief);
}

TEST(Frame, FarTooManyPartsAreMalformed) {
  std::string bytes;
  job::Outcome outcome;
  outcome.effects.resize(most_requests + 1);
  put_outcome(bytes, 7, outcome);
  EXPECT_THROW(get_outcome(body(bytes)), Malformed);

  std::string description;
  job::PluginSpec plugin;
  plugin.types.resize(most_types + 1);
  put_described(description, plugin);
  EXPECT_THROW(get_described(body(description)), Malformed);
}

TEST(Frame, ATruncatedBodyIsMalformed) {
  std::string bytes;
  put_outcome(bytes, 9, {});
  const std::string whole = body(bytes);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(get_outcome(std::string_view(whole).substr(0, size)), Malformed) << size;
  }
}

}  // namespace
}  // namespace sluice::wire
