// The job's output, an object, as JSON text.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstddef>
#include <string>
#include <vector>

#include "rows.hpp"

namespace data_sync {

class Output {
 public:
  Output() { writer_.StartObject(); }

  void add(const std::string& name, std::size_t count);
  void add_boolean(const std::string& name, bool value);
  void add_json(const std::string& name, const std::string& json);
  /// Adds "skipped", their number, and "skippedRecords", the details of the first 20. Adds nothing if empty.
  void add_skipped(const std::vector<Skipped>& skipped);
  /// Adds nothing if empty.
  void add_warnings(const std::vector<std::string>& warnings);
  /// Ends the object and returns it.
  std::string text();

 private:
  void put(const std::string& text);
  void put(const Skipped& record);

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace data_sync
