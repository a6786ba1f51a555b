#include "http/inquiry.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/optional/optional.hpp>
#include <boost/system/error_code.hpp>
#include <cctype>

namespace sluice::http {

namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
namespace beast = boost::beast;
using boost::system::error_code;

/// One request, step by step as with blocking functions, but each step has a time limit.
class Inquiry {
 public:
  explicit Inquiry(std::chrono::milliseconds patience) : patience_(patience) {}

  Answer ask(const base::Address& address, const Question& question) {
    asio::ip::tcp::resolver resolver(io_);
    error_code failed;
    const auto endpoints = resolver.resolve(address.host, std::to_string(address.port), failed);
    if (!failed) {
      failed = finish([&](auto&& done) { plain().async_connect(endpoints, done); });
    }
    if (failed) return {0, "", "nothing answers there"};
    if (!question.tls) return exchange(plain(), address, question);
    failed = finish([&](auto&& done) { stream_.async_handshake(ssl::stream_base::client, done); });
    if (failed) return {0, "", "no TLS connection could be made (" + failed.message() + ")"};
    return exchange(stream_, address, question);
  }

 private:
  using Plain = beast::tcp_stream;

  Plain& plain() { return stream_.next_layer(); }

  template <class Stream>
  Answer exchange(Stream& stream, const base::Address& address, const Question& question) {
    beast::http::request<beast::http::string_body> request;
    request.method_string(question.method);
    request.target(question.path);
    request.set(beast::http::field::host, address.text());
    for (const auto& [name, value] : question.headers) request.set(name, value);
    request.body() = question.body;
    request.prepare_payload();
    request.keep_alive(false);
    error_code failed = finish([&](auto&& done) { beast::http::async_write(stream, request, done); });
    beast::flat_buffer buffer;
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(boost::none);
    if (!failed) {
      failed = finish([&](auto&& done) { beast::http::async_read(stream, buffer, parser, done); });
    }
    if (failed) return {0, "", "no answer arrived (" + failed.message() + ")"};
    Answer answer{static_cast<int>(parser.get().result_int()), parser.get().body(), ""};
    for (const auto& field : parser.get())
      answer.headers[in_small_letters(std::string(field.name_string()))] = std::string(field.value());
    return answer;
  }

  static std::string in_small_letters(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }

  /// Starts one operation, and returns when it is over.
  template <typename Begin>
  error_code finish(Begin&& begin) {
    error_code result;
    plain().expires_after(patience_);
    begin([&result](error_code failed, auto&&...) { result = failed; });
    io_.restart();
    io_.run();
    return result;
  }

  const std::chrono::milliseconds patience_;
  asio::io_context io_;
  ssl::context tls_{ssl::context::tls_client};
  beast::ssl_stream<Plain> stream_{io_, tls_};
};

}  // namespace

Answer ask(const base::Address& address, const Question& question, std::chrono::milliseconds patience) {
  return Inquiry(patience).ask(address, question);
}

}  // namespace sluice::http
