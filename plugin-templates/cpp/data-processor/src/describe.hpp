// What is in a document: its fields, their types and ranges.
#ifndef DESCRIBE_HPP
#define DESCRIBE_HPP

#include <lao/cpp/json_write.hpp>
#include <unordered_map>

#include "record.hpp"

namespace data {

class Description {
  public:
    void add(const Record &record);
    lao::JsonObject result(std::string_view format) const;

  private:
    struct Column {
        Name name;
        std::vector<std::pair<const char *, std::int64_t>> types; // how many values there are of each
        std::int64_t present = 0;
        std::optional<Value> least;
        std::optional<Value> greatest;
        std::int64_t longest = 0;

        void add(const Value &value);
        lao::JsonObject result(std::int64_t records) const;
    };

    Column &column(const Record &record, std::size_t index);

    std::int64_t records_ = 0;
    std::vector<Column> columns_;
    std::unordered_map<std::string, std::size_t> places_;
};

} // namespace data

#endif // DESCRIBE_HPP
