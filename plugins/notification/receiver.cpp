#include "receiver.hpp"

#include <strings.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace notification {

namespace {

constexpr std::size_t longest_answer = 65'536;  // bytes, header included; the rest is not read
constexpr std::size_t kept_of_body = 1024;

/// An answer while it is received.
struct Reading {
  std::size_t bytes = 0;
  std::string body;
  std::string retry_after;

  bool too_long() const { return bytes > longest_answer; }
};

// Reads Retry-After, because libcurl caps its own value at 6 hours. Returning fewer bytes than were given
// ends the transfer.
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* reading_pointer) {
  constexpr std::string_view name = "retry-after:";
  auto& reading = *static_cast<Reading*>(reading_pointer);
  reading.bytes += size * count;
  const std::string_view line(data, size * count);
  if (line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0) {
    reading.retry_after = line.substr(name.size());
  }
  return reading.too_long() ? 0 : size * count;
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* reading_pointer) {
  auto& reading = *static_cast<Reading*>(reading_pointer);
  const std::size_t bytes = size * count;
  reading.body.append(data, std::min(bytes, kept_of_body - reading.body.size()));
  reading.bytes += bytes;
  return reading.too_long() ? 0 : bytes;
}

int stop_when_cancelled(void* job, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const sluice::Job*>(job)->is_cancelled() ? 1 : 0;
}

common::CurlList fields_of(const Delivery& delivery) {
  common::CurlList fields;
  fields.add("Content-Type: application/json");
  fields.add("Expect:");  // no round trip before a long body
  fields.add("webhook-id: " + delivery.id);
  fields.add("webhook-timestamp: " + std::to_string(delivery.timestamp));
  fields.add("webhook-signature: " + delivery.signatures);
  return fields;
}

}  // namespace

Receiver::Receiver(const Endpoint& endpoint) : endpoint_(endpoint), curl_(common::make_curl()) {}

template <class Value>
void Receiver::set(CURLoption option, Value value) {
  common::set_option(curl_.get(), option, value);
}

void Receiver::set_server() {
  set(CURLOPT_URL, endpoint_.url.c_str());
  set(CURLOPT_PROXY, "");  // the environment must not redirect requests to the configured receiver
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // one request at a time needs no more
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_USERAGENT, "Sluice-notification/1.0");
  if (!endpoint_.ca_file.empty()) set(CURLOPT_CAINFO, endpoint_.ca_file.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(endpoint_.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(endpoint_.timeout.count()));
}

Answer Receiver::post(const Delivery& delivery, const sluice::Job& job) {
  std::array<char, CURL_ERROR_SIZE> error{};
  const common::CurlList fields = fields_of(delivery);
  Reading reading;
  curl_easy_reset(curl_.get());  // keeps the connection
  set_server();
  set(CURLOPT_ERRORBUFFER, error.data());
  set(CURLOPT_HTTPHEADER, fields.get());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(delivery.body.size()));
  set(CURLOPT_POSTFIELDS, delivery.body.data());
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, &reading);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, &reading);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &stop_when_cancelled);
  set(CURLOPT_XFERINFODATA, &job);

  Answer answer;
  answer.code = curl_easy_perform(curl_.get());
  answer.error = error[0] != '\0' ? error.data() : curl_easy_strerror(answer.code);
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  answer.retry_after = std::move(reading.retry_after);
  answer.body = std::move(reading.body);
  // The status is enough, so the end of a long answer is not awaited.
  if (reading.too_long() && answer.status != 0) answer.code = CURLE_OK;
  curl_easy_reset(curl_.get());  // drops the pointers to local variables
  return answer;
}

}  // namespace notification
