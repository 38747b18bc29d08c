// The declared pipeline: what happens to each record between reading and writing.
#ifndef STEPS_HPP
#define STEPS_HPP

#include <functional>
#include <lao/cpp/json_read.hpp>

#include "aggregate.hpp"

namespace data {

class Pipeline {
  public:
    // What takes the records that come out.
    using Sink = std::function<void(Record)>;

    // `most`: bytes that it may keep. Throws lao::InvalidParameter.
    Pipeline(std::string_view steps, std::size_t most);

    void push(Record record, const Sink &sink) { run(0, std::move(record), sink); }
    // Whether nothing that comes now would change what comes out.
    bool is_done() const noexcept;
    // The input has ended: hands out what was kept.
    void finish(const Sink &sink);

  private:
    enum class Kind { select, rename, filter, cast, derive, aggregate, sort, limit };
    enum class Type { integer, number, boolean, text, json };
    enum class Invalid { refused, null, dropped }; // what becomes of a value that cannot be cast

    // Has what its kind needs.
    struct Step {
        Kind kind;
        std::vector<Name> names;                           // select
        std::vector<std::pair<Name, Name>> renames;        // rename
        std::vector<std::pair<Name, Type>> types;          // cast
        Invalid invalid = Invalid::refused;                // cast
        Expression condition;                              // filter
        std::vector<std::pair<Name, Expression>> formulas; // derive
        Aggregate groups;                                  // aggregate
        std::vector<std::pair<Name, bool>> keys;           // sort; whether from the greatest to the least
        std::vector<Record> records;                       // sort
        std::uint64_t left = 0;                            // limit
    };

    static Step parse(const lao::JsonValue &step);
    static Type parse_type(const lao::JsonValue &value);
    static Invalid parse_invalid(const lao::JsonValue *value);
    static std::optional<Value> cast_to(Type type, const Value &value);
    static bool cast(const Step &step, Record &record); // false: the record is dropped
    static void rename(const Step &step, Record &record);
    static bool is_before(const Step &step, const Record &left, const Record &right);
    void run(std::size_t index, Record record, const Sink &sink);

    std::vector<Step> steps_;
    Kept kept_;
};

} // namespace data

#endif // STEPS_HPP
