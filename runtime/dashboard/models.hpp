// What the API answers about each thing, as members of a JSON object.
#pragma once

#include <string>
#include <vector>

#include "base/json_writer.hpp"
#include "store/desk.hpp"
#include "store/insight.hpp"
#include "store/job_desk.hpp"

namespace sluice::dashboard {

// What writes members of an object, besides the functions below.
using base::array_member;
using base::JsonWriter;
using base::member;
using base::object_member;
using base::raw_member;

/// ISO 8601 in UTC, with milliseconds.
std::string iso(store::Time time);

void member(JsonWriter& writer, const char* key, const store::Moment& moment);
void member(JsonWriter& writer, const char* key, const store::Counted& counted);

void write(JsonWriter& writer, const store::Outcomes& outcomes);
void write(JsonWriter& writer, const store::Series& series);
void write(JsonWriter& writer, const store::VersionOutcomes& version);
void write(JsonWriter& writer, const store::TypeOverview& type);
void write(JsonWriter& writer, const store::RuntimeReport& runtime);
void write(JsonWriter& writer, const store::JobSummary& job);
void write(JsonWriter& writer, const store::Attempt& attempt);
void write(JsonWriter& writer, const store::FailureGroup& group);
void write(JsonWriter& writer, const store::DatabaseState& state);
void write(JsonWriter& writer, const store::AuditEntry& entry);

/// `payload` and `output`, as they may be shown; null if the visitor may not see them.
struct Shown {
  const std::string* payload = nullptr;
  const std::string* output = nullptr;
};
void write(JsonWriter& writer, const store::JobDetails& details, const Shown& shown);

/// What happens next to a job, and why, in a sentence.
std::string next_of(const store::JobDetails& details);

}  // namespace sluice::dashboard
