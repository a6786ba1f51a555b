#include "order.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "json.hpp"

namespace data_sync {

namespace {

using sluice::Json;

constexpr std::array<std::string_view, 3> questions = {"parameters", "cursor", "full"};

/// Whether an object says what to ask the source for, rather than being a record itself.
bool is_question(const rapidjson::Value& data) {
  return std::all_of(data.MemberBegin(), data.MemberEnd(), [](const auto& member) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    return std::find(questions.begin(), questions.end(), name) != questions.end();
  });
}

void take_records(const rapidjson::Value& records, Order& order) {
  order.is_inline = true;
  order.records.CopyFrom(records, order.records.GetAllocator());
}

void take_record(const rapidjson::Value& record, Order& order) {
  order.is_inline = true;
  order.records.SetArray();
  rapidjson::Value copy(record, order.records.GetAllocator());
  order.records.PushBack(copy, order.records.GetAllocator());
}

std::string parameter_text(const Json& value) {
  const rapidjson::Value& raw = value.value();
  return raw.IsNumber() || raw.IsBool() ? to_text(raw) : value.as_string();
}

void take_question(const Json& data, Order& order) {
  if (const auto parameters = data.find("parameters")) {
    for (const auto& member : parameters->as_object().value().GetObject()) {
      const std::string name(member.name.GetString(), member.name.GetStringLength());
      order.parameters[name] = parameter_text(parameters->at(name));
    }
  }
  if (const auto cursor = data.find("cursor")) {
    if (!cursor->value().IsNumber()) static_cast<void>(cursor->as_string());
    order.cursor.emplace();
    order.cursor->CopyFrom(cursor->value(), order.cursor->GetAllocator());
  }
  order.full = data.boolean_or("full", false);
}

rapidjson::Document parse_payload(const sluice::Job& job) {
  try {
    return parse_json(job.payload_text());
  } catch (const BadJson& error) {
    throw sluice::PermanentError("bad-payload", std::string("payload: ") + error.what());
  }
}

}  // namespace

Order read_order(const sluice::Job& job) {
  const rapidjson::Document document = parse_payload(job);
  const Json payload(document, "payload");
  Order order;
  order.source = payload.string("source");
  order.target = payload.string("target");
  const auto data = payload.find("data");
  if (!data) return order;
  if (data->value().IsArray()) {
    take_records(data->value(), order);
  } else if (const auto records = data->as_object().find("records"); records && records->value().IsArray()) {
    take_records(records->value(), order);
  } else if (is_question(data->value())) {
    take_question(*data, order);
  } else {
    take_record(data->value(), order);
  }
  return order;
}

}  // namespace data_sync
